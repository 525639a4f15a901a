-- The outages that cost customers the most hours.
with clock as (
  select max(started_at) as latest from ohub.outages
)
select
  outages.municipality,
  utilities.name as utility,
  replace(outages.cause, '_', ' ') as cause,
  outages.started_at,
  round(extract(epoch from coalesce(outages.restored_at, clock.latest) - outages.started_at) / 3600, 1) as hours,
  outages.customers_affected,
  round(outages.customers_affected
    * extract(epoch from coalesce(outages.restored_at, clock.latest) - outages.started_at) / 3600) as customer_hours,
  case when outages.restored_at is null then 'going on' else 'restored' end as state
from ohub.outages
join ohub.utilities on utilities.id = outages.utility_id
cross join clock
where outages.started_at >= clock.latest - make_interval(days => {{ days }}::int)
  [[ and outages.province = any ({{ province }}) ]]
order by customer_hours desc
limit 25
