-- What a task knows of XA transactions, whose rows come long before their end.

ALTER TABLE start ADD COLUMN xa INTEGER NOT NULL DEFAULT 0 CHECK (xa IN (0, 1)); -- they are followed; 0: it began before that was so
ALTER TABLE note ADD COLUMN reread TEXT NOT NULL DEFAULT '0@0';   -- start of the oldest one that is open at l
ALTER TABLE note ADD COLUMN reread_set TEXT NOT NULL DEFAULT '';  -- the transactions before it
ALTER TABLE note ADD COLUMN others TEXT NOT NULL DEFAULT '[]';    -- JSON: names of those that changed no selected table
