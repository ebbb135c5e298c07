-- Monitor new users: who registered and put up an auction in the same 10 seconds?
--
-- Each of them once.

SELECT DISTINCT p.id, p.name, p.time // 10_000_000 * 10_000_000 AS start
FROM person AS p
JOIN auction AS a ON a.seller = p.id AND a.time // 10_000_000 = p.time // 10_000_000;
