-- Calculation: bids of a certain height, the time of day, and how many c's the extra text has.
--
-- In euros as in query 1, above 1,000,000 and below 50,000,000. Times are UTC: from 8:00 to 18:59 is day, before 7:00
-- and from 20:00 on is night.

SELECT auction, bidder,
    0.908::DECIMAL(4, 3) * price::DECIMAL(19, 0) AS price,
    CASE
        WHEN hour(make_timestamp(time)) BETWEEN 8 AND 18 THEN 'dayTime'
        WHEN hour(make_timestamp(time)) <= 6 OR hour(make_timestamp(time)) >= 20 THEN 'nightTime'
        ELSE 'otherTime'
    END AS time_of_day,
    time, extra,
    length(extra) - length(replace(extra, 'c', '')) AS c_count
FROM bid
WHERE 0.908::DECIMAL(4, 3) * price::DECIMAL(19, 0) > 1_000_000
    AND 0.908::DECIMAL(4, 3) * price::DECIMAL(19, 0) < 50_000_000;
