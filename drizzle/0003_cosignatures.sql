-- Witnesses: whether the quorum of the policy was met when a checkpoint was published, and the cosignatures that came later.
ALTER TABLE log.checkpoints ADD COLUMN quorum text NOT NULL DEFAULT 'none' CHECK (quorum IN ('met', 'missed', 'none'));
--> statement-breakpoint
-- `line` is a whole signature line of a note; `signer` is name and key ID of its key. The checkpoint that is served is the
-- note of log.checkpoints followed by these lines, in the order of `signer`.
CREATE TABLE log.cosignatures (
  log_id integer NOT NULL,
  seq    bigint NOT NULL,
  signer text NOT NULL,
  line   bytea NOT NULL,
  PRIMARY KEY (log_id, seq, signer),
  FOREIGN KEY (log_id, seq) REFERENCES log.checkpoints (log_id, seq)
);
--> statement-breakpoint
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON log.cosignatures FOR EACH ROW EXECUTE FUNCTION log.refuse_change();
--> statement-breakpoint
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON log.cosignatures FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_change();
--> statement-breakpoint
ALTER TABLE log.cosignatures ENABLE ALWAYS TRIGGER append_only;
--> statement-breakpoint
ALTER TABLE log.cosignatures ENABLE ALWAYS TRIGGER append_only_truncate;
--> statement-breakpoint
GRANT SELECT, INSERT ON log.cosignatures TO prooflog_service;
