-- Winning bids: the highest bid of each auction, of several the first.
--
-- The original updates its rows with every bid; here a row is given once, when the auction has closed.

SELECT a.*, b.auction, b.bidder, b.price, b.time AS bid_time, b.extra AS bid_extra
FROM auction AS a
JOIN bid AS b ON b.auction = a.id AND b.time BETWEEN a.time AND a.expires
QUALIFY row_number() OVER (PARTITION BY a.id ORDER BY b.price DESC, b.time) = 1;
