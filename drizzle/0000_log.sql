-- The log. Everything but log.heads is insert-only: triggers refuse UPDATE, DELETE and TRUNCATE to everybody, superusers
-- included, and the service's role has no right to them either.
CREATE SCHEMA log;
--> statement-breakpoint
DO $$ BEGIN
  CREATE ROLE prooflog_service NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$;
--> statement-breakpoint
-- Since Postgres 16 whoever creates a role may grant it, but not take it: the owner may serve too, with the service's rights.
DO $$ BEGIN
  EXECUTE format('GRANT prooflog_service TO %I', current_user);
END $$;
--> statement-breakpoint
CREATE TABLE log.logs (
  log_id     integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name       text NOT NULL UNIQUE CHECK (name ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
  origin     text NOT NULL UNIQUE CHECK (octet_length(origin) BETWEEN 1 AND 255),
  public     boolean NOT NULL,
  dedup      boolean NOT NULL,
  vkeys      text[] NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);
--> statement-breakpoint
-- The one row per log that changes. Its lock orders all appends to the log; fillfactor keeps the updates HOT.
CREATE TABLE log.heads (
  log_id integer PRIMARY KEY REFERENCES log.logs,
  size   bigint NOT NULL CHECK (size BETWEEN 0 AND 9007199254740991),
  root   bytea NOT NULL CHECK (octet_length(root) = 32)
) WITH (fillfactor = 10);
--> statement-breakpoint
-- leaf_key = index segment and the first bits of the leaf hash (src/store/leaf-key.ts): inserts stay within one segment of
-- the B-tree, so that they do not slow down as the log grows.
CREATE TABLE log.entries (
  log_id    integer NOT NULL,
  index     bigint NOT NULL,
  leaf_key  bigint NOT NULL,
  leaf_hash bytea NOT NULL,
  data      bytea NOT NULL,
  PRIMARY KEY (log_id, index)
);
--> statement-breakpoint
ALTER TABLE log.entries ALTER COLUMN data SET STORAGE EXTERNAL;
--> statement-breakpoint
CREATE INDEX entries_leaf_key ON log.entries (log_id, leaf_key);
--> statement-breakpoint
-- Full tiles only; `root` is the hash of the tile's subtree, which is one of the hashes of the tile above.
CREATE TABLE log.tiles (
  log_id integer NOT NULL,
  level  smallint NOT NULL,
  index  bigint NOT NULL,
  hashes bytea NOT NULL CHECK (octet_length(hashes) = 8192),
  root   bytea NOT NULL CHECK (octet_length(root) = 32),
  PRIMARY KEY (log_id, level, index)
);
--> statement-breakpoint
ALTER TABLE log.tiles ALTER COLUMN hashes SET STORAGE EXTERNAL;
--> statement-breakpoint
-- Every tree head this log ever meant to sign, written before any signature leaves the process: two roots for one size
-- are impossible by this key.
CREATE TABLE log.tree_heads (
  log_id integer NOT NULL REFERENCES log.logs,
  size   bigint NOT NULL,
  root   bytea NOT NULL CHECK (octet_length(root) = 32),
  PRIMARY KEY (log_id, size),
  UNIQUE (log_id, size, root)
);
--> statement-breakpoint
-- Every checkpoint ever published, byte for byte. `seq` counts from 0 without gaps: the primary key is the compare-and-swap.
CREATE TABLE log.checkpoints (
  log_id    integer NOT NULL,
  seq       bigint NOT NULL CHECK (seq >= 0),
  size      bigint NOT NULL,
  root      bytea NOT NULL,
  signed_at bigint NOT NULL,
  note      bytea NOT NULL,
  PRIMARY KEY (log_id, seq),
  FOREIGN KEY (log_id, size, root) REFERENCES log.tree_heads (log_id, size, root)
);
--> statement-breakpoint
CREATE FUNCTION log.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'prooflog: % on %.% is refused: this table is append-only', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
    USING ERRCODE = 'restrict_violation';
END $$;
--> statement-breakpoint
-- Checkpoints are numbered without gaps and never beyond the head, whoever inserts them.
CREATE FUNCTION log.refuse_gap() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.seq <> COALESCE((SELECT max(seq) FROM log.checkpoints WHERE log_id = NEW.log_id), -1) + 1
     AND NOT EXISTS (SELECT FROM log.checkpoints WHERE log_id = NEW.log_id AND seq = NEW.seq) THEN
    RAISE EXCEPTION 'prooflog: checkpoint % of log % is refused: it is not the next one', NEW.seq, NEW.log_id
      USING ERRCODE = 'restrict_violation';
  END IF;
  IF NEW.size > (SELECT size FROM log.heads WHERE log_id = NEW.log_id) THEN
    RAISE EXCEPTION 'prooflog: a checkpoint of size % is refused: log % is smaller', NEW.size, NEW.log_id
      USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
--> statement-breakpoint
CREATE TRIGGER no_gap BEFORE INSERT ON log.checkpoints FOR EACH ROW EXECUTE FUNCTION log.refuse_gap();
--> statement-breakpoint
-- A head may only grow; rewinding or deleting it is a change of history.
CREATE FUNCTION log.refuse_rewind() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND NEW.log_id = OLD.log_id AND NEW.size > OLD.size THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'prooflog: % on %.% is refused: a head only grows', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
    USING ERRCODE = 'restrict_violation';
END $$;
--> statement-breakpoint
DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['logs', 'entries', 'tiles', 'tree_heads', 'checkpoints'] LOOP
    EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON log.%I FOR EACH ROW EXECUTE FUNCTION log.refuse_change()', t);
    EXECUTE format('CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON log.%I FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_change()', t);
    EXECUTE format('ALTER TABLE log.%I ENABLE ALWAYS TRIGGER append_only', t);
    EXECUTE format('ALTER TABLE log.%I ENABLE ALWAYS TRIGGER append_only_truncate', t);
  END LOOP;
END $$;
--> statement-breakpoint
CREATE TRIGGER grow_only BEFORE UPDATE OR DELETE ON log.heads FOR EACH ROW EXECUTE FUNCTION log.refuse_rewind();
--> statement-breakpoint
CREATE TRIGGER grow_only_truncate BEFORE TRUNCATE ON log.heads FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_rewind();
--> statement-breakpoint
ALTER TABLE log.heads ENABLE ALWAYS TRIGGER grow_only;
--> statement-breakpoint
ALTER TABLE log.heads ENABLE ALWAYS TRIGGER grow_only_truncate;
--> statement-breakpoint
GRANT USAGE ON SCHEMA log TO prooflog_service;
--> statement-breakpoint
GRANT SELECT, INSERT ON log.logs, log.heads, log.entries, log.tiles, log.tree_heads, log.checkpoints TO prooflog_service;
--> statement-breakpoint
GRANT UPDATE (size, root) ON log.heads TO prooflog_service;
