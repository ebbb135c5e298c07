-- Expand bids with their auction: of category 10.
--
-- A bid and its auction may arrive in either order and any time apart: the join is unbounded.

SELECT b.auction, b.bidder, b.price, b.channel, b.url, b.time, b.extra,
    a.item, a.description, a.initial_bid, a.reserve, a.time, a.expires, a.seller, a.category, a.extra
FROM bid AS b
JOIN auction AS a ON b.auction = a.id
WHERE a.category = 10;
