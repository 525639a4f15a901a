-- Of the blocks that were asked for, the share that was in PostgreSQL's own cache.
select
  date_bin({{ step }}::int * interval '1 minute', at, '2000-01-01') as at,
  database_name || ' (' || server_name || ')' as database,
  round((sum(value) filter (where name = 'blks_hit') / nullif(sum(value), 0))::numeric, 5) as hit_ratio
from health.metric_points
where at >= now() - {{ hours }}::int * interval '1 hour' and name in ('blks_hit', 'blks_read')
group by 1, 2
order by 1, 2
