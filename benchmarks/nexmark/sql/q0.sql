-- Pass through: every bid as it is.

SELECT auction, bidder, price, time, extra FROM bid;
