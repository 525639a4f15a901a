-- The statements that took the most time, and how much of all time that is.
with done as (
  select database_id, statement_id, sum(calls) as calls, sum(total_time_ms) as total_time_ms, sum(rows) as rows
  from health.statement_points
  where at >= now() - {{ hours }}::int * interval '1 hour'
  group by database_id, statement_id
)
select
  coalesce(regexp_replace(left(statements.query, 300), '\s+', ' ', 'g'), 'all others together') as statement,
  coalesce(statements.database_name, databases.database_name) as database_name,
  done.calls,
  round(done.total_time_ms::numeric) as total_time_ms,
  round((done.total_time_ms / nullif(done.calls, 0))::numeric, 3) as mean_time_ms,
  round((done.total_time_ms / nullif(sum(done.total_time_ms) over (), 0))::numeric, 4) as share
from done
join health.databases using (database_id)
left join health.statements using (statement_id)
order by done.total_time_ms desc
limit 15
