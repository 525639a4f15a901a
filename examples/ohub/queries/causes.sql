-- Customers who lost power, by cause.
with clock as (
  select max(started_at) as latest from ohub.outages
)
select
  replace(outages.cause, '_', ' ') as cause,
  count(*) as outages,
  sum(outages.customers_affected) as customers_affected
from ohub.outages, clock
where outages.started_at >= clock.latest - make_interval(days => {{ days }}::int)
  [[ and outages.province = any ({{ province }}) ]]
group by 1
order by customers_affected desc
