-- Copies of other services' logs: rows of log.logs whose entries come in under proof, and which nobody here signs.
ALTER TABLE log.logs ADD COLUMN mirrored boolean NOT NULL DEFAULT false;
--> statement-breakpoint
CREATE SCHEMA mirror;
--> statement-breakpoint
-- The newest checkpoint of each origin that was proven to continue the ones before it: the one row per copy that changes,
-- by compare-and-swap (c2sp.org/tlog-mirror, "pending checkpoint"). `note` holds the log's signatures that were verified.
CREATE TABLE mirror.pending (
  log_id integer PRIMARY KEY REFERENCES log.logs,
  size   bigint NOT NULL CHECK (size BETWEEN 0 AND 9007199254740991),
  root   bytea NOT NULL CHECK (octet_length(root) = 32),
  note   bytea NOT NULL
);
--> statement-breakpoint
-- It only grows, whoever writes: a copy never follows its origin back.
CREATE FUNCTION mirror.refuse_rewind() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND NEW.log_id = OLD.log_id
     AND (NEW.size > OLD.size OR (NEW.size = OLD.size AND NEW.root = OLD.root)) THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'prooflog: % on %.% is refused: a pending checkpoint only grows', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
    USING ERRCODE = 'restrict_violation';
END $$;
--> statement-breakpoint
CREATE TRIGGER grow_only BEFORE UPDATE OR DELETE ON mirror.pending FOR EACH ROW EXECUTE FUNCTION mirror.refuse_rewind();
--> statement-breakpoint
CREATE TRIGGER grow_only_truncate BEFORE TRUNCATE ON mirror.pending FOR EACH STATEMENT EXECUTE FUNCTION mirror.refuse_rewind();
--> statement-breakpoint
ALTER TABLE mirror.pending ENABLE ALWAYS TRIGGER grow_only;
--> statement-breakpoint
ALTER TABLE mirror.pending ENABLE ALWAYS TRIGGER grow_only_truncate;
--> statement-breakpoint
GRANT USAGE ON SCHEMA mirror TO prooflog_service;
--> statement-breakpoint
GRANT SELECT, INSERT ON mirror.pending TO prooflog_service;
--> statement-breakpoint
GRANT UPDATE (size, root, note) ON mirror.pending TO prooflog_service;
