-- Highest bid: of every 10 seconds.
--
-- All of them, where several are as high. The original's condition on the time takes both ends of a window, and so now
-- and then a bid of the next one; here windows are [start, end).

SELECT auction, bidder, price, time, extra
FROM bid
QUALIFY price = max(price) OVER (PARTITION BY time // 10_000_000);
