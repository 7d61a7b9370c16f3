-- An index ends with the id: with the namespace alone its rows come out in the order of a page, and need no sorting.
DROP INDEX history_namespace;
CREATE INDEX history_namespace ON history (namespace);
