-- Windows of processing time: how many bids does a user make in 10 seconds?
--
-- The original takes the time of the machine, which no two runs share; here it is event time, windows [start, end).

SELECT bidder, count(*) AS bids, time // 10_000_000 * 10_000_000 AS start
FROM bid
GROUP BY bidder, time // 10_000_000;
