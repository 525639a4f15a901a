-- Where power was lost in the last seven days.
with clock as (
  select max(started_at) as latest from ohub.outages
)
select
  outages.municipality,
  outages.latitude,
  outages.longitude,
  outages.customers_affected,
  case when outages.restored_at is null then 'going on' else 'restored' end as state,
  outages.started_at
from ohub.outages, clock
where outages.started_at >= clock.latest - interval '7 days'
  [[ and outages.province = any ({{ province }}) ]]
order by outages.customers_affected desc
