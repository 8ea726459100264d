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
, error_said TEXT NOT NULL DEFAULT '') STRICT;
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
, turn INTEGER NOT NULL DEFAULT 0, xa INTEGER NOT NULL DEFAULT 0 CHECK (xa IN (0, 1))) STRICT;
CREATE TABLE topic (
    task       TEXT    NOT NULL REFERENCES start (task) ON DELETE CASCADE,
    name       TEXT    NOT NULL,
    partitions INTEGER NOT NULL, lowest INTEGER NOT NULL DEFAULT 0, -- as counted at the start
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
, plain INTEGER NOT NULL DEFAULT 0 CHECK (plain IN (0, 1)), resent INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE TABLE note (
    task    TEXT    NOT NULL REFERENCES start (task) ON DELETE CASCADE,
    seq     INTEGER NOT NULL,
    x       TEXT    NOT NULL, -- where the router stood
    l       TEXT    NOT NULL, -- the low bound
    l_set   TEXT    NOT NULL, -- the transactions before it
    offsets TEXT    NOT NULL, ends TEXT NOT NULL DEFAULT '[]', sums TEXT NOT NULL DEFAULT '[]', inside TEXT NOT NULL DEFAULT '', seen TEXT NOT NULL DEFAULT '{}', reread TEXT NOT NULL DEFAULT '0@0', reread_set TEXT NOT NULL DEFAULT '', others TEXT NOT NULL DEFAULT '[]', -- JSON: one offset a lane
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
    patch      INTEGER NOT NULL CHECK (patch IN (0, 1)), closed INTEGER NOT NULL DEFAULT 0,
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
CREATE TABLE console (
    task     TEXT    NOT NULL PRIMARY KEY REFERENCES task (id) ON DELETE CASCADE,
    title    TEXT    NOT NULL DEFAULT '',          -- its name, which need not be unique; empty: task.name
    wanted   INTEGER NOT NULL DEFAULT 0 CHECK (wanted IN (0, 1)), -- it runs, also after a restart of the process
    ending   INTEGER NOT NULL DEFAULT 0 CHECK (ending IN (0, 1)), -- its end was asked for
    start_at INTEGER NOT NULL DEFAULT 0,           -- starts by itself at this time; 0: no time was set
    about    TEXT    NOT NULL DEFAULT '{}',        -- JSON: task.About
    last     TEXT    NOT NULL DEFAULT ''           -- JSON: the newest progress, for when the task does not run
) STRICT;
CREATE TABLE draft (
    id         TEXT    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    name       TEXT    NOT NULL,
    step       TEXT    NOT NULL,
    body       TEXT    NOT NULL,           -- JSON with its own version field
    version    INTEGER NOT NULL DEFAULT 1, -- rises with each save; a save names the one it saw
    owner      TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE TABLE secret (
    subject TEXT NOT NULL, -- the id of a draft or a task
    name    TEXT NOT NULL, -- 'source' or 'target'
    sealed  BLOB NOT NULL,
    PRIMARY KEY (subject, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE user (
    name       TEXT    NOT NULL PRIMARY KEY COLLATE NOCASE,
    password   TEXT    NOT NULL, -- argon2id in its usual text form; empty: signs in by ticket alone
    language   TEXT    NOT NULL DEFAULT '',
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE session (
    hash       BLOB    NOT NULL PRIMARY KEY, -- SHA-256 of the cookie
    user       TEXT    NOT NULL REFERENCES user (name) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    seen_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE ticket (
    hash       BLOB    NOT NULL PRIMARY KEY, -- SHA-256 of the token in the link
    user       TEXT    NOT NULL,             -- empty: makes the first user
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE audit (
    id      INTEGER PRIMARY KEY,
    at      INTEGER NOT NULL,
    user    TEXT    NOT NULL,
    action  TEXT    NOT NULL,
    subject TEXT    NOT NULL,
    params  TEXT    NOT NULL -- JSON object of strings
) STRICT;
CREATE INDEX audit_by_subject ON audit (subject, id);
CREATE TABLE precheck_run (
    id       INTEGER PRIMARY KEY,
    subject  TEXT    NOT NULL, -- the id of a draft or a task
    body_sum TEXT    NOT NULL, -- of the draft as it was checked; a change asks for another run
    began_at INTEGER NOT NULL,
    ended_at INTEGER NOT NULL DEFAULT 0 -- 0: it runs, or the process died during it
) STRICT;
CREATE INDEX precheck_run_by_subject ON precheck_run (subject, id);
CREATE TABLE precheck_item (
    run       INTEGER NOT NULL REFERENCES precheck_run (id) ON DELETE CASCADE,
    seq       INTEGER NOT NULL,
    id        TEXT    NOT NULL,
    grp       TEXT    NOT NULL,
    status    TEXT    NOT NULL, -- waiting, running, passed, failed, skipped
    severity  TEXT    NOT NULL,
    code      TEXT    NOT NULL DEFAULT '', -- of the finding, the key of its texts
    params    TEXT    NOT NULL DEFAULT '{}', -- JSON: what fills them
    observed  TEXT    NOT NULL,
    expected  TEXT    NOT NULL,
    cause     TEXT    NOT NULL,
    fix       TEXT    NOT NULL,
    millis    INTEGER NOT NULL DEFAULT 0,
    ack_by    TEXT    NOT NULL DEFAULT '',
    ack_why   TEXT    NOT NULL DEFAULT '',
    PRIMARY KEY (run, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE incarnation (
    id   INTEGER PRIMARY KEY,
    task TEXT    NOT NULL REFERENCES start (task) ON DELETE CASCADE,
    name TEXT    NOT NULL,
    UNIQUE (task, name)
) STRICT;
CREATE TABLE doubled (
    task  TEXT    NOT NULL REFERENCES start (task) ON DELETE CASCADE,
    lane  INTEGER NOT NULL,
    place INTEGER NOT NULL, -- offset in the lane's partition
    PRIMARY KEY (task, lane, place)
) STRICT, WITHOUT ROWID;
INSERT INTO task VALUES ('00112233aabbccdd', 'shop', 'stopped', '{"name":"shop","source":{"host":"db","port":3306,"user":"reader","tls":{"mode":"off"}},"target":{"brokers":["kafka:9092"],"user":"writer","mechanism":"SCRAM-SHA-256","tls":{"mode":"off"},"topic":"shop","partitions":1,"replication":1,"compression":"none"},"schema":true,"full":true,"incremental":true,"tables":[{"schema":"shop","name":"orders"},{"schema":"shop","name":"items","exclude":["note"]}],"policy":"key","workers":4}', 3, 1, 1, '', 0, '', '', '', 1748779200000, 1748779200000, '');
INSERT INTO start VALUES ('00112233aabbccdd', 'mysql', '3e11fa47-71ca-11e1-9e33-c80aa9429562', '8.0.33', '3e11fa47-71ca-11e1-9e33-c80aa9429562:1-77', '4@1', 1748779200000001, '18446744073709551615@78', 1, 3, 1);
INSERT INTO topic VALUES ('00112233aabbccdd', 'other', 1, 0);
INSERT INTO topic VALUES ('00112233aabbccdd', 'shop', 6, 1048588);
INSERT INTO lane VALUES ('00112233aabbccdd', 0, 'shop', 5);
INSERT INTO lane VALUES ('00112233aabbccdd', 1, 'other', 0);
INSERT INTO lane VALUES ('00112233aabbccdd', 2, 'shop', 0);
INSERT INTO producer VALUES ('00112233aabbccdd', 9223372036854775807, 7, 0, 0);
INSERT INTO note VALUES ('00112233aabbccdd', 1, '4@77', '4@77', '3e11fa47-71ca-11e1-9e33-c80aa9429562:1-77', '[0,0,0]', '[]', '[]', '', '{"at":{"file":0,"offset":0}}', '0@0', '', '[]');
INSERT INTO note VALUES ('00112233aabbccdd', 2, '900@78', '500@78+3', '3e11fa47-71ca-11e1-9e33-c80aa9429562:1-77:99', '[10,9223372036854775807,0]', '[12,9223372036854775807,0]', '[4294967295,1,0]', '3e11fa47-71ca-11e1-9e33-c80aa9429562:78', '{"at":{"file":78,"offset":9000},"last":{"file":78,"offset":8000},"tid":"3e11fa47-71ca-11e1-9e33-c80aa9429562:79","time":1790000000000001,"begun":1}', '900@77/2', '3e11fa47-71ca-11e1-9e33-c80aa9429562:1-77', '["X''00ff'',X'''',1","X''67'',X''62'',7"]');
INSERT INTO chunk VALUES ('00112233aabbccdd', 1, 'shop', 'orders', NULL, '{"key":"AP9r","row":[{"Kind":2,"Num":-1,"Bytes":null},{"Kind":11,"Num":0,"Bytes":"YQD/Jw=="},{"Kind":0,"Num":0,"Bytes":null},{"Kind":1,"Num":-9223372036854775808,"Bytes":null}]}', 4, '0@0', '0@0', '', 0, 0, '', 0, 0, 0, 0, 1);
INSERT INTO chunk VALUES ('00112233aabbccdd', 2, 'shop', 'orders', '{"key":"AP9r","row":[{"Kind":2,"Num":-1,"Bytes":null},{"Kind":11,"Num":0,"Bytes":"YQD/Jw=="},{"Kind":0,"Num":0,"Bytes":null},{"Kind":1,"Num":-9223372036854775808,"Bytes":null}]}', NULL, 2, '500@78', '700@78', '3e11fa47-71ca-11e1-9e33-c80aa9429562:1-77', 1, 1, '3-2.rows', 5000, 8589934592, 4294967295, 1, 0);
INSERT INTO chunk VALUES ('00112233aabbccdd', 3, 'shop', 'items', NULL, NULL, 0, '0@0', '0@0', '', 0, 0, '', 0, 0, 0, 0, 0);
INSERT INTO schema_version VALUES (1, '00112233aabbccdd', 'shop', 'orders', 1, '4@77', 'baseline', 'CREATE TABLE `orders` (…)', '{"schema":"shop","name":"orders","version":1,"columns":[{"name":"id","type":5,"declared":"bigint unsigned","unsigned":true},{"name":"文字","type":16,"declared":"varchar(20)","nullable":true,"length":20,"charset":"utf8mb4","collation":"utf8mb4_0900_bin"},{"name":"e","type":27,"declared":"enum(''a'','''''''')","labels":["a","''"],"generated":true,"invisible":true},{"name":"d","type":6,"declared":"decimal(10,2)","precision":10,"scale":2,"fsp":6}],"primary":[0],"uniques":[{"name":"u","columns":[1,3],"prefix":true}]}');
INSERT INTO schema_version VALUES (2, '00112233aabbccdd', 'shop', 'orders', 1, '800@78', 'drop', 'DROP TABLE orders', '{"schema":"shop","name":"orders","version":1,"columns":null}');
INSERT INTO event VALUES (1, '00112233aabbccdd', 1748779200000, 'info', 'task.began', '{"a":"b"}');
INSERT INTO incarnation VALUES (1, '00112233aabbccdd', 'first');
INSERT INTO incarnation VALUES (2, '00112233aabbccdd', 'second');
PRAGMA user_version = 6;
