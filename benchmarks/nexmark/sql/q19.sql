-- Top ten: the ten highest bids of each auction, with their rank.
--
-- The original updates its rows with every bid; here it is the final result, at the end of the input.
-- Of equal prices the first one ranks higher.

SELECT auction, bidder, price, channel, url, time, extra,
    row_number() OVER (PARTITION BY auction ORDER BY price DESC, time) AS rank
FROM bid
QUALIFY rank <= 10;
