-- More scopes; what events of a key are filed under, who made it, how fast it may be used. The log `_meta`.
ALTER TABLE access.keys DROP CONSTRAINT keys_scopes_check;
--> statement-breakpoint
ALTER TABLE access.keys ADD CONSTRAINT keys_scopes_check CHECK (cardinality(scopes) > 0 AND scopes <@ ARRAY[
  'entries:append', 'entries:read', 'logs:admin', 'keys:write', 'events:append', 'search:read', 'pii:reveal', 'export:create',
  'erasure:request', 'erasure:approve', 'retention:write', 'meta:read']);
--> statement-breakpoint
ALTER TABLE access.keys
  ADD COLUMN source      text CHECK (char_length(source) BETWEEN 1 AND 200),
  ADD COLUMN created_by  text CHECK (char_length(created_by) BETWEEN 1 AND 2000),
  ADD COLUMN rate_append integer CHECK (rate_append BETWEEN 0 AND 10000000),
  ADD COLUMN rate_read   integer CHECK (rate_read BETWEEN 0 AND 10000000);
--> statement-breakpoint
-- Until now whoever administered logs made keys too. A revoked key stays as it is: it may do nothing.
UPDATE access.keys SET scopes = scopes || ARRAY['keys:write']
  WHERE 'logs:admin' = ANY (scopes) AND NOT 'keys:write' = ANY (scopes) AND revoked_at IS NULL;
--> statement-breakpoint
ALTER TABLE log.logs DROP CONSTRAINT logs_name_check;
--> statement-breakpoint
ALTER TABLE log.logs ADD CONSTRAINT logs_name_check CHECK (name ~ '^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?|_meta)$');
