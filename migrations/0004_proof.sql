-- What a restart holds a partition against, in case that it lost its end.
ALTER TABLE note ADD COLUMN ends TEXT NOT NULL DEFAULT '[]'; -- JSON: the acknowledged end of each lane
ALTER TABLE note ADD COLUMN sums TEXT NOT NULL DEFAULT '[]'; -- JSON: CRC-32C of the message before it; 0: it is not ours
ALTER TABLE chunk ADD COLUMN closed INTEGER NOT NULL DEFAULT 0; -- the newest note when it became DONE or GONE
