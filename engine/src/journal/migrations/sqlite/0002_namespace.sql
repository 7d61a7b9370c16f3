-- Pages of a namespace, the newest first: without it they are found by walking through all others.
CREATE INDEX history_namespace ON history (namespace, kind);
