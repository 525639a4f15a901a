-- How large each database is.
select
  date_bin({{ step }}::int * interval '1 minute', at, '2000-01-01') as at,
  database_name || ' (' || server_name || ')' as database,
  max(value)::bigint as size_bytes
from health.metric_points
where at >= now() - {{ hours }}::int * interval '1 hour' and name = 'size_bytes'
group by 1, 2
order by 1, 2
