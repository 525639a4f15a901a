-- Tables by their dead rows, which vacuum has not removed yet. Of a few rows, any share is normal.
with newest as (
  select distinct on (relation_id) database_name, schema_name, table_name, n_live_tup, n_dead_tup, size_bytes, at
  from health.table_points
  where at >= now() - {{ hours }}::int * interval '1 hour' and n_dead_tup is not null
  order by relation_id, at desc
)
select
  database_name || ': ' || schema_name || '.' || table_name as "table",
  n_dead_tup as dead_rows,
  n_live_tup as live_rows,
  case when n_live_tup + n_dead_tup >= 1000 then round(n_dead_tup::numeric / (n_live_tup + n_dead_tup), 4) end as dead_share,
  size_bytes
from newest
order by n_dead_tup desc
limit 15
