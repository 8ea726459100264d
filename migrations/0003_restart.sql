-- What a restart knows about its own copies, about a log that lost its end, about a target without producer ids and about
-- a source that moved.

-- The incarnations of a task in this data folder. Each has its name in the marks that it leaves in the topics: one with
-- another name is of a copy of the folder.
CREATE TABLE incarnation (
    id   INTEGER PRIMARY KEY,
    task TEXT    NOT NULL REFERENCES start (task) ON DELETE CASCADE,
    name TEXT    NOT NULL,
    UNIQUE (task, name)
) STRICT;

-- What a restart holds a partition against, in case that it lost its end.
ALTER TABLE note ADD COLUMN ends TEXT NOT NULL DEFAULT '[]'; -- JSON: the acknowledged end of each lane
ALTER TABLE note ADD COLUMN sums TEXT NOT NULL DEFAULT '[]'; -- JSON: CRC-32C of the message before it; 0: it is not ours
ALTER TABLE chunk ADD COLUMN closed INTEGER NOT NULL DEFAULT 0; -- the newest note when it became DONE or GONE

-- What a target without producer ids can make stand twice.

-- It wrote without a producer id at some time; from then on a record may be found twice.
ALTER TABLE producer ADD COLUMN plain INTEGER NOT NULL DEFAULT 0 CHECK (plain IN (0, 1));

-- Records that were sent again because it was not known what became of the first request.
ALTER TABLE producer ADD COLUMN resent INTEGER NOT NULL DEFAULT 0;

-- Where a record stands that stands before already.
CREATE TABLE doubled (
    task  TEXT    NOT NULL REFERENCES start (task) ON DELETE CASCADE,
    lane  INTEGER NOT NULL,
    place INTEGER NOT NULL, -- offset in the lane's partition
    PRIMARY KEY (task, lane, place)
) STRICT, WITHOUT ROWID;

-- What the other side said of the last failure, apart from the sentence that tells it.
ALTER TABLE task ADD COLUMN error_said TEXT NOT NULL DEFAULT '';

-- A task can move to another server after a failover.
ALTER TABLE start ADD COLUMN turn INTEGER NOT NULL DEFAULT 0; -- how many servers were read before this one
ALTER TABLE note ADD COLUMN inside TEXT NOT NULL DEFAULT '';  -- the transaction that l lies inside of
