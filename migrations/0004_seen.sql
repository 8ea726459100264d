-- What tells that the source's log is still the one that was read.
ALTER TABLE note ADD COLUMN seen TEXT NOT NULL DEFAULT '{}'; -- JSON: how far, and the newest transaction there
