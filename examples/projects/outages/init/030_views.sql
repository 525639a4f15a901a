create view ohub.by_province as
select p.code, p.name,
       count(o.outage_id) as outages,
       coalesce(sum(o.customers), 0) as customers_affected,
       count(o.outage_id) filter (where o.ended_at is null) as going_on
from ohub.provinces p
left join ohub.utilities u on u.province = p.code
left join ohub.outages o using (utility_id)
group by p.code, p.name;

create materialized view ohub.by_day as
select date_trunc('day', began_at, 'UTC')::date as day, cause, count(*) as outages, sum(customers) as customers
from ohub.outages
group by 1, 2
with no data;

create unique index by_day_key on ohub.by_day (day, cause);
