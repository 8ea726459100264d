-- Times are milliseconds since 1970 UTC. Positions are text as cdc.Position writes them: offset@file or offset@file+row.

CREATE TABLE task (
    id          TEXT    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    name        TEXT    NOT NULL UNIQUE,
    state       TEXT    NOT NULL,
    spec_json   TEXT    NOT NULL,           -- without secrets; frozen once the start is stored
    version     INTEGER NOT NULL DEFAULT 1, -- rises with each move
    generation  INTEGER NOT NULL DEFAULT 1, -- rises when the task is copied anew on purpose
    incarnation INTEGER NOT NULL DEFAULT 0, -- rises with each start
    lease_owner TEXT    NOT NULL DEFAULT '',
    lease_until INTEGER NOT NULL DEFAULT 0,
    error_code  TEXT    NOT NULL DEFAULT '', -- of the last failure
    error_text  TEXT    NOT NULL DEFAULT '',
    error_hint  TEXT    NOT NULL DEFAULT '',
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL
) STRICT;

-- What a task fixes at its start, before anything is sent.
CREATE TABLE start (
    task           TEXT    NOT NULL PRIMARY KEY REFERENCES task (id) ON DELETE CASCADE,
    server_flavor  TEXT    NOT NULL,
    server_id      TEXT    NOT NULL,
    server_version TEXT    NOT NULL,
    start_set      TEXT    NOT NULL, -- the stream was first opened after these transactions
    skip           TEXT    NOT NULL, -- changes before this point were asked not to be sent,
    skip_time      INTEGER NOT NULL, -- and those committed before this time, microseconds
    start_end      TEXT    NOT NULL, -- no chunk opens before the stream has passed it
    schema_sent    INTEGER NOT NULL DEFAULT 0 CHECK (schema_sent IN (0, 1))
) STRICT;

CREATE TABLE topic (
    task       TEXT    NOT NULL REFERENCES start (task) ON DELETE CASCADE,
    name       TEXT    NOT NULL,
    partitions INTEGER NOT NULL, -- as counted at the start
    PRIMARY KEY (task, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE lane (
    task      TEXT    NOT NULL REFERENCES start (task) ON DELETE CASCADE,
    number    INTEGER NOT NULL,
    topic     TEXT    NOT NULL,
    partition INTEGER NOT NULL,
    PRIMARY KEY (task, number),
    UNIQUE (task, topic, partition)
) STRICT, WITHOUT ROWID;

CREATE TABLE producer (
    task  TEXT    NOT NULL PRIMARY KEY REFERENCES start (task) ON DELETE CASCADE,
    pid   INTEGER NOT NULL,
    epoch INTEGER NOT NULL
) STRICT;

CREATE TABLE note (
    task    TEXT    NOT NULL REFERENCES start (task) ON DELETE CASCADE,
    seq     INTEGER NOT NULL,
    x       TEXT    NOT NULL, -- where the router stood
    l       TEXT    NOT NULL, -- the low bound
    l_set   TEXT    NOT NULL, -- the transactions before it
    offsets TEXT    NOT NULL, -- JSON: one offset a lane
    PRIMARY KEY (task, seq)
) STRICT;

CREATE TABLE chunk (
    task       TEXT    NOT NULL REFERENCES start (task) ON DELETE CASCADE,
    id         INTEGER NOT NULL,
    db         TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    after      TEXT,             -- JSON: key bound, exclusive; NULL: from the first row
    upto       TEXT,             -- JSON: key bound, inclusive; NULL: to the last row
    status     INTEGER NOT NULL CHECK (status BETWEEN 0 AND 4), -- NEW, OPEN, SEALED, DONE, GONE
    s          TEXT    NOT NULL, -- the router's point when it was opened
    h          TEXT    NOT NULL, -- its rows are the state at this point
    h_set      TEXT    NOT NULL,
    note_seq   INTEGER NOT NULL, -- the newest note when it was opened
    schema_ver INTEGER NOT NULL,
    file       TEXT    NOT NULL,
    rows       INTEGER NOT NULL,
    bytes      INTEGER NOT NULL,
    sum        INTEGER NOT NULL, -- CRC-32C of the file
    patch      INTEGER NOT NULL CHECK (patch IN (0, 1)),
    PRIMARY KEY (task, id)
) STRICT;
CREATE INDEX chunk_by_table ON chunk (task, db, name);

CREATE TABLE schema_version (
    id          INTEGER PRIMARY KEY,
    task        TEXT    NOT NULL REFERENCES start (task) ON DELETE CASCADE,
    db          TEXT    NOT NULL,
    name        TEXT    NOT NULL,
    version     INTEGER NOT NULL,
    at          TEXT    NOT NULL, -- it holds from this point on
    how         TEXT    NOT NULL,
    create_sql  TEXT    NOT NULL,
    definition  TEXT    NOT NULL, -- JSON: cdc.Table
    UNIQUE (task, db, name, version, at, how)
) STRICT;

CREATE TABLE event (
    id     INTEGER PRIMARY KEY,
    task   TEXT    NOT NULL REFERENCES task (id) ON DELETE CASCADE,
    at     INTEGER NOT NULL,
    level  TEXT    NOT NULL CHECK (level IN ('info', 'warning', 'error')),
    code   TEXT    NOT NULL,
    params TEXT    NOT NULL -- JSON object of strings
) STRICT;
CREATE INDEX event_by_task ON event (task, id);
