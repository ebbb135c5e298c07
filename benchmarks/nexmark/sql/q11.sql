-- User sessions: how many bids did a user make, each time that they were active?
--
-- A session ends when no bid follows within 10 seconds: two bids belong together if less than 10 s lie between them (in
-- the original also exactly 10 s), and it lasts until 10 s after the last.

WITH marked AS (
    SELECT bidder, time, coalesce(time - lag(time) OVER of_bidder >= 10_000_000, TRUE) AS is_first
    FROM bid
    WINDOW of_bidder AS (PARTITION BY bidder ORDER BY time)
), numbered AS (
    SELECT bidder, time, sum(is_first::INT) OVER (PARTITION BY bidder ORDER BY time) AS session
    FROM marked
)
SELECT bidder, count(*) AS bids, min(time) AS start, max(time) + 10_000_000 AS stop
FROM numbered
GROUP BY bidder, session;
