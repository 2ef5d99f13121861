-- What changed about a log since it was created: keys that were added or no longer sign, its state, its successor. A log is
-- its row in log.logs with these applied in order of `seq`, which counts from 0: the primary key is the compare-and-swap.
CREATE TABLE log.changes (
  log_id     integer NOT NULL REFERENCES log.logs,
  seq        integer NOT NULL CHECK (seq >= 0),
  what       text NOT NULL CHECK (what IN ('key_added', 'key_retired', 'state', 'successor')),
  value      text NOT NULL CHECK (what <> 'state' OR value IN ('open', 'draining', 'frozen')),
  changed_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (log_id, seq)
);
--> statement-breakpoint
-- The state once more, in the row that every append locks and moves: so no process can miss it, and it costs appends nothing.
ALTER TABLE log.heads ADD COLUMN state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'draining', 'frozen'));
--> statement-breakpoint
CREATE FUNCTION log.apply_state() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE log.heads SET state = NEW.value WHERE log_id = NEW.log_id AND state <> NEW.value;
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER apply_state AFTER INSERT ON log.changes FOR EACH ROW WHEN (NEW.what = 'state')
  EXECUTE FUNCTION log.apply_state();
--> statement-breakpoint
ALTER TABLE log.changes ENABLE ALWAYS TRIGGER apply_state;
--> statement-breakpoint
-- A head may only grow, and not while its log is frozen; its state is the one that log.changes says.
CREATE OR REPLACE FUNCTION log.refuse_rewind() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND NEW.log_id = OLD.log_id THEN
    IF NEW.size > OLD.size AND NEW.state = OLD.state THEN
      IF OLD.state <> 'frozen' THEN
        RETURN NEW;
      END IF;
      RAISE EXCEPTION 'prooflog: log % is frozen', OLD.log_id USING ERRCODE = 'PLF01';
    END IF;
    IF NEW.size = OLD.size AND NEW.root = OLD.root AND NEW.state <> OLD.state AND NEW.state =
       (SELECT value FROM log.changes WHERE log_id = NEW.log_id AND what = 'state' ORDER BY seq DESC LIMIT 1) THEN
      RETURN NEW;
    END IF;
  END IF;
  RAISE EXCEPTION 'prooflog: % on %.% is refused: a head only grows', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
    USING ERRCODE = 'restrict_violation';
END $$;
--> statement-breakpoint
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON log.changes FOR EACH ROW EXECUTE FUNCTION log.refuse_change();
--> statement-breakpoint
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON log.changes FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_change();
--> statement-breakpoint
ALTER TABLE log.changes ENABLE ALWAYS TRIGGER append_only;
--> statement-breakpoint
ALTER TABLE log.changes ENABLE ALWAYS TRIGGER append_only_truncate;
--> statement-breakpoint
GRANT SELECT, INSERT ON log.changes TO prooflog_service;
--> statement-breakpoint
GRANT UPDATE (state) ON log.heads TO prooflog_service;
