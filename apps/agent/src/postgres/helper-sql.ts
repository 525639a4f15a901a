import { HELPER_SCHEMA } from "./facts.ts";
import { quoted } from "./select-list.ts";

/**
 * SQL for `psql`, run once in each monitored database by a superuser or the owner of its tables: two functions that
 * return what a role with pg_monitor may not read by itself. Of the planner's statistics they give four numbers per
 * column and never a value of a row: most common values and histograms stay out of reach.
 */
export function printHelperSql(role = "quern_agent"): string {
  return `-- Functions for the agent of Quern, in a schema of their own. Run this in each monitored database, as a
-- superuser or as the role that owns the tables. To take them away: drop schema ${HELPER_SCHEMA} cascade;
begin;

create schema if not exists ${HELPER_SCHEMA};
revoke all on schema ${HELPER_SCHEMA} from public;

-- How full and how wide columns are, for the estimate of bloat. No most common values, no histogram bounds.
create or replace function ${HELPER_SCHEMA}.column_statistics()
returns table (relation oid, attribute int2, inherited boolean, null_frac float4, avg_width int4,
  n_distinct float4, correlation float4)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select c.oid, a.attnum, s.inherited, s.null_frac, s.avg_width, s.n_distinct, s.correlation
    from pg_catalog.pg_stats as s
    join pg_catalog.pg_namespace as n on n.nspname = s.schemaname
    join pg_catalog.pg_class as c on c.relnamespace = n.oid and c.relname = s.tablename
    join pg_catalog.pg_attribute as a on a.attrelid = c.oid and a.attname = s.attname
   where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
$$;

-- Where sequences stand, to see one run out.
create or replace function ${HELPER_SCHEMA}.sequence_values()
returns table (sequence oid, last_value int8)
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
  select s.seqrelid, pg_catalog.pg_sequence_last_value(s.seqrelid)
    from pg_catalog.pg_sequence as s
    join pg_catalog.pg_class as c on c.oid = s.seqrelid
   where c.relpersistence = 'p'
     and pg_catalog.has_sequence_privilege(current_user, s.seqrelid, 'select, usage')
$$;

revoke all on function ${HELPER_SCHEMA}.column_statistics() from public;
revoke all on function ${HELPER_SCHEMA}.sequence_values() from public;
grant usage on schema ${HELPER_SCHEMA} to ${quoted(role)};
grant execute on function ${HELPER_SCHEMA}.column_statistics() to ${quoted(role)};
grant execute on function ${HELPER_SCHEMA}.sequence_values() to ${quoted(role)};

commit;
`;
}
