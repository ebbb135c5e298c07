-- Log to file system: every bid with the partition that it belongs to, by date and minute.
--
-- In UTC. What is compared are the rows and their partitions, not files.

SELECT auction, bidder, price, time, extra,
    strftime(make_timestamp(time), '%Y-%m-%d') AS day,
    strftime(make_timestamp(time), '%H:%M') AS minute
FROM bid;
