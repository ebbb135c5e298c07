-- Average price for a category: of the highest bids of its auctions.
--
-- The original updates its rows with every bid; here it is the final result, at the end of the input.
-- The average is a whole number, rounded down, as the original's BIGINT is.

WITH final AS (
    SELECT a.category, max(b.price) AS price
    FROM auction AS a
    JOIN bid AS b ON b.auction = a.id AND b.time BETWEEN a.time AND a.expires
    GROUP BY a.id, a.category
)
SELECT category, (sum(price) // count(*))::BIGINT AS price FROM final GROUP BY category;
