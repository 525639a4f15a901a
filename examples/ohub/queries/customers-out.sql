-- Customers without power and outages that go on, at each full hour of the last two days and at the last report.
with clock as (
  select max(reported_at) as latest from ohub.outage_updates
),
hours as (
  select generate_series(date_trunc('hour', latest) - interval '47 hours', latest, interval '1 hour') as at from clock
  union
  select latest from clock
)
select
  hours.at,
  count(outages.id) as open_outages,
  coalesce(sum(latest.customers_out), 0)::bigint as customers_out
from hours
left join ohub.outages
  on outages.started_at <= hours.at
  and outages.started_at > hours.at - interval '10 days'
  and (outages.restored_at is null or outages.restored_at > hours.at)
  [[ and outages.province = any ({{ province }}) ]]
left join lateral (
  select customers_out
  from ohub.outage_updates
  where outage_updates.outage_id = outages.id and outage_updates.reported_at <= hours.at
  order by reported_at desc
  limit 1
) as latest on true
group by hours.at
order by hours.at
