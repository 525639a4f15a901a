-- Hours until the last customer had power again: each week's median and its slowest tenth.
with clock as (
  select max(started_at) as latest from ohub.outages
)
select
  date_trunc('week', outages.started_at at time zone 'America/Toronto')::date as week,
  round(percentile_cont(0.5) within group (order by hours)::numeric, 2) as median_hours,
  round(percentile_cont(0.9) within group (order by hours)::numeric, 2) as slowest_tenth_hours
from ohub.outages
cross join clock
cross join lateral (select extract(epoch from outages.restored_at - outages.started_at) / 3600 as hours) as took
where outages.restored_at is not null and outages.cause <> 'planned'
  and outages.started_at >= clock.latest - make_interval(days => greatest({{ days }}::int, 90))
  [[ and outages.province = any ({{ province }}) ]]
group by 1
order by 1
