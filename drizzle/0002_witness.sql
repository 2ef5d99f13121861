-- What a witness knows of logs that are not its own (src/witness). Logs and their keys are only added: whoever could take one
-- away and add it again could have a second history of it cosigned.
CREATE SCHEMA witness;
--> statement-breakpoint
CREATE TABLE witness.logs (
  origin   text NOT NULL CHECK (octet_length(origin) BETWEEN 1 AND 255),
  vkey     text NOT NULL CHECK (octet_length(vkey) <= 2200),
  source   text NOT NULL,
  added_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (origin, vkey)
);
--> statement-breakpoint
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON witness.logs FOR EACH ROW EXECUTE FUNCTION log.refuse_change();
--> statement-breakpoint
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON witness.logs FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_change();
--> statement-breakpoint
ALTER TABLE witness.logs ENABLE ALWAYS TRIGGER append_only;
--> statement-breakpoint
ALTER TABLE witness.logs ENABLE ALWAYS TRIGGER append_only_truncate;
--> statement-breakpoint
-- Every process reads the logs again, whoever added some and from where.
CREATE FUNCTION witness.tell_addition() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('prooflog_witness_logs', '');
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER tell_addition AFTER INSERT ON witness.logs FOR EACH STATEMENT EXECUTE FUNCTION witness.tell_addition();
--> statement-breakpoint
-- The newest tree head cosigned for each origin, and the note that is served: the log's signatures that verified, and ours.
CREATE TABLE witness.heads (
  origin      text PRIMARY KEY CHECK (octet_length(origin) BETWEEN 1 AND 255),
  size        bigint NOT NULL CHECK (size BETWEEN 0 AND 9007199254740991),
  root        bytea NOT NULL CHECK (octet_length(root) = 32),
  cosigned_at bigint NOT NULL CHECK (cosigned_at > 0),
  note        bytea NOT NULL
) WITH (fillfactor = 50);
--> statement-breakpoint
ALTER TABLE witness.heads ALTER COLUMN note SET STORAGE EXTERNAL;
--> statement-breakpoint
-- Grows, or is cosigned anew: nobody, a superuser included, makes a witness forget what it saw by an UPDATE or a DELETE.
CREATE FUNCTION witness.refuse_rewind() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND NEW.origin = OLD.origin AND NEW.cosigned_at >= OLD.cosigned_at
     AND (NEW.size > OLD.size OR (NEW.size = OLD.size AND NEW.root = OLD.root)) THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'prooflog: % on %.% is refused: what was cosigned only grows', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
    USING ERRCODE = 'restrict_violation';
END $$;
--> statement-breakpoint
CREATE TRIGGER grow_only BEFORE UPDATE OR DELETE ON witness.heads FOR EACH ROW EXECUTE FUNCTION witness.refuse_rewind();
--> statement-breakpoint
CREATE TRIGGER grow_only_truncate BEFORE TRUNCATE ON witness.heads FOR EACH STATEMENT EXECUTE FUNCTION witness.refuse_rewind();
--> statement-breakpoint
ALTER TABLE witness.heads ENABLE ALWAYS TRIGGER grow_only;
--> statement-breakpoint
ALTER TABLE witness.heads ENABLE ALWAYS TRIGGER grow_only_truncate;
--> statement-breakpoint
-- Counts up while the witness cosigns. Its process remembers the count outside the database: an older copy is behind it.
CREATE TABLE witness.age (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  age bigint NOT NULL
);
--> statement-breakpoint
INSERT INTO witness.age (age) VALUES (0);
--> statement-breakpoint
GRANT USAGE ON SCHEMA witness TO prooflog_service;
--> statement-breakpoint
GRANT SELECT, INSERT ON witness.logs, witness.heads TO prooflog_service;
--> statement-breakpoint
GRANT UPDATE (size, root, cosigned_at, note) ON witness.heads TO prooflog_service;
--> statement-breakpoint
GRANT SELECT, UPDATE (age) ON witness.age TO prooflog_service;
