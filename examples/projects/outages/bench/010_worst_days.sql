select day, sum(outages) as outages, sum(customers) as customers,
       string_agg(cause::text, ', ' order by customers desc, cause) as causes
from ohub.by_day
group by day
order by customers desc, day
limit 10;
