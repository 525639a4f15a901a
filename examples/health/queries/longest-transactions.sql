-- How old the oldest transaction of a client was: 0 where none was open when sessions were looked at.
with samples as (
  select server_id, server_name, at, date_bin({{ step }}::int * interval '1 minute', at, '2000-01-01') as bin
  from health.session_samples
  where at >= now() - {{ hours }}::int * interval '1 hour'
),
ages as (
  select server_id, at, greatest(0, max(extract(epoch from at - xact_start))) as seconds
  from health.sessions
  where at >= now() - {{ hours }}::int * interval '1 hour' and backend_type = 'client backend'
  group by server_id, at
)
select
  samples.bin as at,
  samples.server_name,
  round(coalesce(max(ages.seconds), 0), 1) as seconds
from samples
left join ages using (server_id, at)
group by 1, 2
order by 1, 2
