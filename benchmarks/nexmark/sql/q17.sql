-- Auction statistics: how many bids a day, by rank of price, and at which prices?
--
-- The original updates its rows with every bid; here it is the final result, at the end of each day (UTC).
-- The average is a whole number, rounded down.

SELECT auction,
    strftime(make_timestamp(time), '%Y-%m-%d') AS day,
    count(*),
    count(*) FILTER (price < 10_000),
    count(*) FILTER (price >= 10_000 AND price < 1_000_000),
    count(*) FILTER (price >= 1_000_000),
    min(price), max(price), (sum(price) // count(*))::BIGINT, sum(price)::BIGINT
FROM bid
GROUP BY auction, day;
