-- What follows the published log: how far each follower is, moved by compare-and-swap in the transaction of its effect. `epoch`
-- moves when something that was read before must not be written any more: an erasure, a rebuild.
CREATE SCHEMA follow;
--> statement-breakpoint
CREATE TABLE follow.cursors (
  name       text NOT NULL,
  log_id     integer NOT NULL REFERENCES log.logs,
  next_index bigint NOT NULL DEFAULT 0 CHECK (next_index BETWEEN 0 AND 9007199254740991),
  epoch      bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (name, log_id)
) WITH (fillfactor = 10);
--> statement-breakpoint
GRANT USAGE ON SCHEMA follow TO prooflog_service;
--> statement-breakpoint
GRANT SELECT, INSERT, UPDATE (next_index, epoch) ON follow.cursors TO prooflog_service;
--> statement-breakpoint
-- The search is derived from the log and may be thrown away at any time, so the service owns it: it makes a partition for each
-- 65,536 indexes of a log, and drops them to begin anew.
CREATE SCHEMA search;
--> statement-breakpoint
GRANT USAGE, CREATE ON SCHEMA search TO prooflog_service;
--> statement-breakpoint
-- One row per event; entries that are no events have none. `time` in POSIX milliseconds. `terms` are keyed hashes of values and
-- words, ascending, never their text: from 0 on what everybody may search by, below 0 what is personal.
CREATE TABLE search.events (
  log_id integer NOT NULL,
  index  bigint NOT NULL,
  time   bigint NOT NULL,
  terms  integer[] NOT NULL,
  PRIMARY KEY (log_id, index)
) PARTITION BY RANGE (log_id, index);
--> statement-breakpoint
-- No statistics of what can be erased: the planner's samples would outlive the rows (src/audit/search/parts.ts: the partitions).
ALTER TABLE search.events ALTER COLUMN terms SET STATISTICS 0;
--> statement-breakpoint
-- The partitions. `inverted`: it is full and has its inverted index. `stale`: of before a rebuild, to be dropped. `erased`: the
-- epoch in which rows of it were erased last, until it has been rewritten without what they were.
CREATE TABLE search.parts (
  log_id   integer NOT NULL,
  part     integer NOT NULL,
  inverted boolean NOT NULL DEFAULT false,
  stale    boolean NOT NULL DEFAULT false,
  erased   bigint,
  PRIMARY KEY (log_id, part)
);
--> statement-breakpoint
-- Of each 8,192 indexes: how many are events and how many are not, and the bounds of their times. Events dated more than a day
-- away from when the log took them have bounds of their own, so that one of 1970 does not have every search look here.
CREATE TABLE search.granules (
  log_id   integer NOT NULL,
  granule  integer NOT NULL,
  events   integer NOT NULL,
  plain    integer NOT NULL,
  low      bigint,
  high     bigint,
  far_low  bigint,
  far_high bigint,
  PRIMARY KEY (log_id, granule)
) WITH (fillfactor = 50);
--> statement-breakpoint
-- Rows that lost all their personal terms to an erasure, until those of other people are put back.
CREATE TABLE search.refresh (
  log_id integer NOT NULL,
  index  bigint NOT NULL,
  PRIMARY KEY (log_id, index)
);
--> statement-breakpoint
-- A rebuild is going on until the cursor has reached where it was.
CREATE TABLE search.rebuilds (
  log_id integer PRIMARY KEY,
  until  bigint NOT NULL
);
--> statement-breakpoint
DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['events', 'parts', 'granules', 'refresh', 'rebuilds'] LOOP
    EXECUTE format('ALTER TABLE search.%I OWNER TO prooflog_service', t);
  END LOOP;
END $$;
