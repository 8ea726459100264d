-- What the console keeps. Times are milliseconds since 1970 UTC.

-- A task as a person sees it in the console; a task of a task file has a row once the console has touched it.
CREATE TABLE console (
    task     TEXT    NOT NULL PRIMARY KEY REFERENCES task (id) ON DELETE CASCADE,
    title    TEXT    NOT NULL DEFAULT '',          -- its name, which need not be unique; empty: task.name
    wanted   INTEGER NOT NULL DEFAULT 0 CHECK (wanted IN (0, 1)), -- it runs, also after a restart of the process
    ending   INTEGER NOT NULL DEFAULT 0 CHECK (ending IN (0, 1)), -- its end was asked for
    start_at INTEGER NOT NULL DEFAULT 0,           -- starts by itself at this time; 0: no time was set
    about    TEXT    NOT NULL DEFAULT '{}',        -- JSON: task.About
    last     TEXT    NOT NULL DEFAULT ''           -- JSON: the newest progress, for when the task does not run
) STRICT;

-- A task that is being put together in the wizard; it keeps its id when it becomes a task.
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

-- Passwords of drafts and tasks, encrypted with the key beside the database.
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

-- Links that work once.
CREATE TABLE ticket (
    hash       BLOB    NOT NULL PRIMARY KEY, -- SHA-256 of the token in the link
    user       TEXT    NOT NULL,             -- empty: makes the first user
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Who did what.
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
