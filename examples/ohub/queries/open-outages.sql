-- Outages that go on, the largest first.
select
  outages.province,
  outages.municipality,
  utilities.name as utility,
  replace(outages.cause, '_', ' ') as cause,
  latest.customers_out,
  replace(latest.crew_status, '_', ' ') as crew_status,
  outages.started_at,
  latest.estimated_restored_at
from ohub.outages
join ohub.utilities on utilities.id = outages.utility_id
cross join lateral (
  select customers_out, crew_status, estimated_restored_at
  from ohub.outage_updates
  where outage_updates.outage_id = outages.id
  order by reported_at desc
  limit 1
) as latest
where outages.restored_at is null
  [[ and outages.province = any ({{ province }}) ]]
order by latest.customers_out desc, outages.id
