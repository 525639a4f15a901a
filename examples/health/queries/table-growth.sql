-- The tables that grew the most, with their indexes.
with ends as (
  select database_name, schema_name, table_name,
    (array_agg(size_bytes order by at))[1] as before,
    (array_agg(size_bytes order by at desc))[1] as after
  from health.table_points
  where at >= now() - {{ hours }}::int * interval '1 hour' and size_bytes is not null
  group by relation_id, database_name, schema_name, table_name
)
select
  database_name || ': ' || schema_name || '.' || table_name as "table",
  after as size_bytes,
  after - before as grown_bytes
from ends
order by grown_bytes desc, size_bytes desc
limit 12
