-- Outages that began each day, by cause. Days end at midnight in Toronto.
with clock as (
  select (max(started_at) at time zone 'America/Toronto')::date as today from ohub.outages
)
select
  (outages.started_at at time zone 'America/Toronto')::date as day,
  replace(outages.cause, '_', ' ') as cause,
  count(*) as outages,
  sum(outages.customers_affected) as customers_affected
from ohub.outages, clock
where outages.started_at >= (clock.today - {{ days }}::int)::timestamp at time zone 'America/Toronto'
  [[ and outages.province = any ({{ province }}) ]]
group by 1, 2
order by 1, 2
