-- Currency conversion: every bid with its price in euros.
--
-- At 0.908 euros a dollar, as an exact decimal with three places.

SELECT auction, bidder, 0.908::DECIMAL(4, 3) * price::DECIMAL(19, 0) AS price, time, extra FROM bid;
