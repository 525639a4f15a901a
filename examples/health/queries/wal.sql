-- WAL written per minute, by server.
select
  date_bin({{ step }}::int * interval '1 minute', at, '2000-01-01') as at,
  server_name,
  round((sum(value) / nullif(sum(seconds), 0) * 60)::numeric) as bytes_per_minute
from health.metric_points
where at >= now() - {{ hours }}::int * interval '1 hour' and name = 'wal_bytes'
group by 1, 2
order by 1, 2
