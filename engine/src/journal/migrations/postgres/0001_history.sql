-- id is the order of journaling and the position of cursors. Whoever inserts holds a lock until the commit, so a
-- row that can be read has no row before it that cannot be read yet.
-- at is in Unix seconds, data is JSON text: what is read back is what was written, byte by byte.
CREATE TABLE history (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid        TEXT   NOT NULL,
    seq        BIGINT NOT NULL,
    kind       TEXT   NOT NULL,
    namespace  TEXT   NOT NULL,
    name       TEXT   NOT NULL,
    at         BIGINT NOT NULL,
    event      TEXT   NOT NULL,
    version    BIGINT NOT NULL,
    from_state TEXT   NOT NULL,
    to_state   TEXT   NOT NULL,
    phase      TEXT   NOT NULL,
    cause      TEXT,
    trace_id   TEXT,
    data       TEXT,
    UNIQUE (uid, seq)
);

-- Pages of one object, in the order of a page.
CREATE INDEX history_object ON history (kind, namespace, name, id);

-- Pages of a kind, a namespace and a time range.
CREATE INDEX history_time ON history (kind, namespace, at);
