-- API keys. The service may add a key and revoke it; nothing else of a key ever changes.
CREATE SCHEMA access;
--> statement-breakpoint
CREATE TABLE access.keys (
  id         text PRIMARY KEY CHECK (id ~ '^[0-9A-Za-z]{12}$'),
  name       text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 200),
  digest     bytea NOT NULL CHECK (octet_length(digest) = 32),
  scopes     text[] NOT NULL CHECK (cardinality(scopes) > 0 AND scopes <@ ARRAY['entries:append', 'entries:read', 'logs:admin']),
  logs       text[] CHECK (cardinality(logs) > 0),
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz,
  revoked_at timestamptz
);
--> statement-breakpoint
-- Every process forgets a changed key at once, whoever changed it and from where.
CREATE FUNCTION access.tell_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('prooflog_keys', OLD.id);
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER tell_change AFTER UPDATE OR DELETE ON access.keys FOR EACH ROW EXECUTE FUNCTION access.tell_change();
--> statement-breakpoint
-- What is revoked stays revoked.
CREATE FUNCTION access.refuse_pardon() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'prooflog: key % is revoked: create a new one', OLD.id USING ERRCODE = 'restrict_violation';
END $$;
--> statement-breakpoint
CREATE TRIGGER refuse_pardon BEFORE UPDATE ON access.keys FOR EACH ROW WHEN (OLD.revoked_at IS NOT NULL)
  EXECUTE FUNCTION access.refuse_pardon();
--> statement-breakpoint
GRANT USAGE ON SCHEMA access TO prooflog_service;
--> statement-breakpoint
GRANT SELECT, INSERT ON access.keys TO prooflog_service;
--> statement-breakpoint
GRANT UPDATE (revoked_at) ON access.keys TO prooflog_service;
