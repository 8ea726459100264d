-- A task can move to another server after a failover.
ALTER TABLE start ADD COLUMN turn INTEGER NOT NULL DEFAULT 0; -- how many servers were read before this one
ALTER TABLE note ADD COLUMN inside TEXT NOT NULL DEFAULT '';  -- the transaction that l lies inside of
ALTER TABLE note ADD COLUMN anchor TEXT NOT NULL DEFAULT '{}'; -- JSON: an event before l, by which the log is known again
