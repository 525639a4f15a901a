-- What each province and territory went through: outages, customers, and minutes without power for the average customer (SAIDI).
with clock as (
  select max(started_at) as latest from ohub.outages
),
served as (
  select province, sum(customers_served) as customers from ohub.utilities group by province
)
select
  served.province,
  count(outages.id) as outages,
  coalesce(sum(outages.customers_affected), 0) as customers_affected,
  round(coalesce(sum(outages.customers_affected
    * extract(epoch from coalesce(outages.restored_at, clock.latest) - outages.started_at) / 60), 0)
    / served.customers, 1) as minutes_per_customer
from served
cross join clock
left join ohub.outages
  on outages.province = served.province
  and outages.started_at >= clock.latest - make_interval(days => {{ days }}::int)
group by served.province, served.customers
order by minutes_per_customer desc
