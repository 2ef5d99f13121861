-- Logs that are being copied in (import, restore): their entries and tiles have a number that becomes a log's when all of them
-- are there, and never if that does not happen. Nothing serves, signs or appends to what has no row in log.logs.
CREATE TABLE log.staged (
  log_id   integer PRIMARY KEY,
  name     text NOT NULL,
  origin   text NOT NULL,
  begun_at timestamptz NOT NULL DEFAULT now()
);
--> statement-breakpoint
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON log.staged FOR EACH ROW EXECUTE FUNCTION log.refuse_change();
--> statement-breakpoint
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON log.staged FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_change();
--> statement-breakpoint
ALTER TABLE log.staged ENABLE ALWAYS TRIGGER append_only;
--> statement-breakpoint
ALTER TABLE log.staged ENABLE ALWAYS TRIGGER append_only_truncate;
--> statement-breakpoint
GRANT SELECT ON log.staged TO prooflog_service;
