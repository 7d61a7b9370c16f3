-- id is the order of journaling and the position of cursors; AUTOINCREMENT never reuses one.
-- at is in Unix seconds, data is JSON text.
CREATE TABLE history (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    uid        TEXT    NOT NULL,
    seq        INTEGER NOT NULL,
    kind       TEXT    NOT NULL,
    namespace  TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    at         INTEGER NOT NULL,
    event      TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    from_state TEXT    NOT NULL,
    to_state   TEXT    NOT NULL,
    phase      TEXT    NOT NULL,
    cause      TEXT,
    trace_id   TEXT,
    data       TEXT,
    UNIQUE (uid, seq)
) STRICT;

-- Pages of one object: an index ends with the id, so rows come out in the order of a page.
CREATE INDEX history_object ON history (kind, namespace, name);

-- Pages of a kind, a namespace and a time range.
CREATE INDEX history_time ON history (kind, namespace, at);
