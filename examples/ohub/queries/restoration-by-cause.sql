-- Hours to restore, one row for each outage that ended.
with clock as (
  select max(started_at) as latest from ohub.outages
)
select
  replace(outages.cause, '_', ' ') as cause,
  round(extract(epoch from outages.restored_at - outages.started_at) / 3600, 2) as hours
from ohub.outages, clock
where outages.restored_at is not null
  and outages.started_at >= clock.latest - make_interval(days => {{ days }}::int)
  [[ and outages.province = any ({{ province }}) ]]
order by outages.cause, outages.id
limit 5000
