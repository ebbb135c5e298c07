-- Local item suggestion: who in Oregon, Idaho or California sells items of category 10?
--
-- A person and an auction may arrive in either order and any time apart: the join is unbounded.

SELECT p.name, p.city, p.state, a.id
FROM auction AS a
JOIN person AS p ON a.seller = p.id
WHERE a.category = 10 AND p.state IN ('OR', 'ID', 'CA');
