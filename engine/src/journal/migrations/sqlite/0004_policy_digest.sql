-- Older operators wrote digests over the values of Secrets, which may be guessed. The whole data of these events is
-- the digest.
UPDATE history SET data = '{"digest":""}' WHERE kind = 'SigningPolicy' AND data LIKE '{"digest":%';
