-- Bidding statistics: bids, bidders and auctions a day, by rank of price.
--
-- The original updates its rows with every bid; here it is the final result, at the end of each day (UTC).

SELECT strftime(make_timestamp(time), '%Y-%m-%d') AS day,
    count(*),
    count(*) FILTER (price < 10_000),
    count(*) FILTER (price >= 10_000 AND price < 1_000_000),
    count(*) FILTER (price >= 1_000_000),
    count(DISTINCT bidder),
    count(DISTINCT bidder) FILTER (price < 10_000),
    count(DISTINCT bidder) FILTER (price >= 10_000 AND price < 1_000_000),
    count(DISTINCT bidder) FILTER (price >= 1_000_000),
    count(DISTINCT auction),
    count(DISTINCT auction) FILTER (price < 10_000),
    count(DISTINCT auction) FILTER (price >= 10_000 AND price < 1_000_000),
    count(DISTINCT auction) FILTER (price >= 1_000_000)
FROM bid
GROUP BY day;
