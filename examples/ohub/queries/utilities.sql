-- Customer-hours without power, by utility.
with clock as (
  select max(started_at) as latest from ohub.outages
)
select
  utilities.name as utility,
  count(*) as outages,
  sum(outages.customers_affected) as customers_affected,
  round(sum(outages.customers_affected
    * extract(epoch from coalesce(outages.restored_at, clock.latest) - outages.started_at) / 3600)) as customer_hours
from ohub.outages
join ohub.utilities on utilities.id = outages.utility_id
cross join clock
where outages.started_at >= clock.latest - make_interval(days => {{ days }}::int)
  [[ and outages.province = any ({{ province }}) ]]
group by utilities.name
order by customer_hours desc
