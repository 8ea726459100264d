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
