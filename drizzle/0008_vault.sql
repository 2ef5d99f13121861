-- The vault: what is personal of events, encrypted under a key of the person it is about. Unlike the log it forgets: the service
-- may delete the key of a subject and what is encrypted under it, and nothing else. No column of a subject that can be erased
-- has statistics: the planner's samples would outlive the rows.
CREATE SCHEMA vault;
--> statement-breakpoint
-- Key-encryption keys that ever wrapped something; the keys themselves are in a file. Nothing is wrapped under a retired one,
-- so that the file may lose it (src/audit/vault/rewrap.ts).
CREATE TABLE vault.keks (
  kek_id     text PRIMARY KEY CHECK (kek_id ~ '^[0-9a-f]{16}$'),
  retired_at timestamptz
);
--> statement-breakpoint
-- Random secrets that outlive key-encryption keys, wrapped.
CREATE TABLE vault.secrets (
  name    text PRIMARY KEY,
  kek_id  text NOT NULL REFERENCES vault.keks,
  wrapped bytea NOT NULL
);
--> statement-breakpoint
-- Whom personal fields are about, per log. `ref` is random and stands in leaves; `lookup` is a keyed hash of the identifier and is
-- gone after an erasure.
CREATE TABLE vault.subjects (
  subject_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  log_id     integer NOT NULL REFERENCES log.logs,
  kind       text NOT NULL CHECK (kind IN ('actor', 'ip', 'source', 'raw')),
  ref        text NOT NULL UNIQUE CHECK (ref ~ '^[A-Za-z0-9_-]{22}$'),
  lookup     bytea CHECK (octet_length(lookup) = 32),
  UNIQUE (log_id, lookup)
);
--> statement-breakpoint
ALTER TABLE vault.subjects ALTER COLUMN lookup SET STATISTICS 0;
--> statement-breakpoint
-- The one place to shred.
CREATE TABLE vault.subject_keys (
  subject_id bigint PRIMARY KEY REFERENCES vault.subjects,
  kek_id     text NOT NULL REFERENCES vault.keks,
  wrapped    bytea NOT NULL
);
--> statement-breakpoint
ALTER TABLE vault.subject_keys ALTER COLUMN wrapped SET STATISTICS 0;
--> statement-breakpoint
-- No references: the transaction that adds rows locks their keys (src/audit/vault/sidecars.ts).
CREATE TABLE vault.disclosures (
  log_id     integer NOT NULL,
  index      bigint NOT NULL,
  subject_id bigint NOT NULL,
  sealed     bytea NOT NULL,
  PRIMARY KEY (log_id, index, subject_id)
);
--> statement-breakpoint
ALTER TABLE vault.disclosures ALTER COLUMN sealed SET STORAGE EXTERNAL;
--> statement-breakpoint
ALTER TABLE vault.disclosures ALTER COLUMN sealed SET STATISTICS 0;
--> statement-breakpoint
CREATE INDEX disclosures_subject ON vault.disclosures (subject_id, index);
--> statement-breakpoint
-- Who asked for an erasure, who approved it, and what it destroyed: never whom it was about, beyond the ref.
CREATE TABLE vault.erasures (
  erasure_id   text PRIMARY KEY CHECK (erasure_id ~ '^[0-9a-f]{32}$'),
  log_id       integer NOT NULL REFERENCES log.logs,
  subject_id   bigint NOT NULL REFERENCES vault.subjects,
  ref          text NOT NULL,
  kind         text NOT NULL,
  state        text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'rejected', 'approved', 'shredded', 'done')),
  basis        text NOT NULL,
  ticket       text,
  requested_by text NOT NULL,
  requester_made_by text,
  requested_at timestamptz NOT NULL DEFAULT now(),
  decided_by   text,
  decided_at   timestamptz,
  reason       text,
  entries      bigint,
  ranges       bigint[],
  fields       text[],
  index        bigint,
  done_at      timestamptz
);
--> statement-breakpoint
CREATE INDEX erasures_log ON vault.erasures (log_id, requested_at);
--> statement-breakpoint
CREATE UNIQUE INDEX erasures_open ON vault.erasures (subject_id) WHERE state IN ('pending', 'approved');
--> statement-breakpoint
-- A legal hold on a subject, or on all of a log where subject_id is null.
CREATE TABLE vault.holds (
  hold_id     text PRIMARY KEY CHECK (hold_id ~ '^[0-9a-f]{32}$'),
  log_id      integer NOT NULL REFERENCES log.logs,
  subject_id  bigint REFERENCES vault.subjects,
  ref         text,
  reason      text NOT NULL,
  placed_by   text NOT NULL,
  placed_at   timestamptz NOT NULL DEFAULT now(),
  released_by text,
  released_at timestamptz
);
--> statement-breakpoint
CREATE INDEX holds_log ON vault.holds (log_id) WHERE released_at IS NULL;
--> statement-breakpoint
-- Every process forgets a destroyed key at once.
CREATE FUNCTION vault.tell_destroyed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('prooflog_subjects', OLD.subject_id::text);
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER tell_destroyed AFTER DELETE ON vault.subject_keys FOR EACH ROW EXECUTE FUNCTION vault.tell_destroyed();
--> statement-breakpoint
-- Whichever way somebody comes: what a legal hold covers is not destroyed.
CREATE FUNCTION vault.refuse_held() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (
    SELECT FROM vault.subjects s JOIN vault.holds h ON h.log_id = s.log_id AND (h.subject_id IS NULL OR h.subject_id = s.subject_id)
    WHERE s.subject_id = OLD.subject_id AND h.released_at IS NULL
  ) THEN
    RAISE EXCEPTION 'prooflog: subject % is under a legal hold', OLD.subject_id USING ERRCODE = 'PLF02';
  END IF;
  RETURN OLD;
END $$;
--> statement-breakpoint
CREATE TRIGGER refuse_held BEFORE DELETE ON vault.subject_keys FOR EACH ROW EXECUTE FUNCTION vault.refuse_held();
--> statement-breakpoint
-- A subject's lookup may only go, an erasure only goes on, a hold is only released, once.
CREATE FUNCTION vault.refuse_return() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'prooflog: % on %.% is refused: what was decided stays', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
    USING ERRCODE = 'restrict_violation';
END $$;
--> statement-breakpoint
CREATE TRIGGER refuse_return BEFORE UPDATE ON vault.subjects FOR EACH ROW WHEN (NEW.lookup IS NOT NULL)
  EXECUTE FUNCTION vault.refuse_return();
--> statement-breakpoint
CREATE TRIGGER refuse_return BEFORE UPDATE ON vault.erasures FOR EACH ROW
  WHEN ((OLD.state, NEW.state) NOT IN (('pending', 'rejected'), ('pending', 'approved'), ('approved', 'shredded'), ('shredded', 'done')))
  EXECUTE FUNCTION vault.refuse_return();
--> statement-breakpoint
CREATE TRIGGER refuse_return BEFORE UPDATE ON vault.holds FOR EACH ROW WHEN (OLD.released_at IS NOT NULL)
  EXECUTE FUNCTION vault.refuse_return();
--> statement-breakpoint
-- To superusers and replicas too.
DO $$
DECLARE t record;
BEGIN
  FOR t IN SELECT tgrelid::regclass AS name, tgname FROM pg_trigger
    WHERE tgrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'vault'::regnamespace) AND NOT tgisinternal LOOP
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', t.name, t.tgname);
  END LOOP;
END $$;
--> statement-breakpoint
GRANT USAGE ON SCHEMA vault TO prooflog_service;
--> statement-breakpoint
GRANT SELECT, INSERT ON vault.keks, vault.secrets, vault.subjects, vault.erasures, vault.holds TO prooflog_service;
--> statement-breakpoint
GRANT SELECT, INSERT, DELETE ON vault.subject_keys, vault.disclosures TO prooflog_service;
--> statement-breakpoint
GRANT UPDATE (retired_at) ON vault.keks TO prooflog_service;
--> statement-breakpoint
GRANT UPDATE (kek_id, wrapped) ON vault.secrets, vault.subject_keys TO prooflog_service;
--> statement-breakpoint
GRANT UPDATE (lookup) ON vault.subjects TO prooflog_service;
--> statement-breakpoint
GRANT UPDATE (state, decided_by, decided_at, reason, entries, ranges, fields, index, done_at) ON vault.erasures TO prooflog_service;
--> statement-breakpoint
GRANT UPDATE (released_by, released_at) ON vault.holds TO prooflog_service;
