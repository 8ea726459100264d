-- The incarnations of a task in this data folder. Each has its name in the marks that it leaves in the topics: one with
-- another name is of a copy of the folder.
CREATE TABLE incarnation (
    id   INTEGER PRIMARY KEY,
    task TEXT    NOT NULL REFERENCES start (task) ON DELETE CASCADE,
    name TEXT    NOT NULL,
    UNIQUE (task, name)
) STRICT;
