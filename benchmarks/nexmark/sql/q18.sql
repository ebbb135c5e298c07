-- Last bid: of each bidder for each auction.
--
-- The original updates its rows with every bid; here it is the final result, at the end of the input. No two bids have
-- the same time.

SELECT auction, bidder, price, channel, url, time, extra
FROM bid
QUALIFY row_number() OVER (PARTITION BY bidder, auction ORDER BY time DESC) = 1;
