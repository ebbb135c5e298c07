-- Hot items: which auctions had the most bids in the last 10 seconds, every 2 seconds?
--
-- All of them, where several had as many. Windows are [start, end) and begin at multiples of 2 seconds.

WITH hop AS (
    SELECT b.auction, (b.time // 2_000_000 - back.n) * 2_000_000 AS start
    FROM bid AS b
    CROSS JOIN range(5) AS back(n)
), counted AS (
    SELECT auction, start, count(*) AS bids FROM hop GROUP BY auction, start
)
SELECT auction, bids, start
FROM counted
QUALIFY bids = max(bids) OVER (PARTITION BY start);
