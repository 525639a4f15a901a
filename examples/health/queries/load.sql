-- Active sessions on average, over all servers, by what they waited for.
with points as (
  select server_id, at, wait_event_type, load,
    date_bin({{ step }}::int * interval '1 minute', at, '2000-01-01') as bin
  from health.load_points
  where at >= now() - {{ hours }}::int * interval '1 hour'
),
looks as (
  select server_id, bin, count(distinct at) as looks from points group by server_id, bin
)
select
  points.bin as at,
  coalesce(points.wait_event_type, 'nothing') as waits_for,
  round(sum(points.load / looks.looks)::numeric, 4) as sessions
from points
join looks using (server_id, bin)
group by 1, 2
order by 1, 2
