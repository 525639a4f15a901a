-- What Health knows, as views that one role for each organisation may read: the datasource "Health of databases".

alter table datasources add column built_in text check (built_in in ('health'));
create unique index datasources_built_in_key on datasources (org_id, built_in) where built_in is not null;
comment on column datasources.built_in is 'One that Quern made of itself: only its limits and grants are anybody''s to change.';

create table health_readers (
  org_id    uuid primary key references orgs on delete cascade,
  role_name name not null unique,
  made_of   bytea
);
comment on column health_readers.made_of is 'A digest of what the datasource and its secret were made of, so that they are made anew when that changes.';
comment on table health_readers is 'Whose numbers a role of the server sees in the schema health. A role that is not here sees none.';

create table health_metric_names (
  name    text primary key,
  subject text not null check (subject in ('server', 'database')),
  kind    text not null check (kind in ('counter', 'gauge')),
  unit    text not null
);
comment on table health_metric_names is 'Contract: HEALTH_METRICS, as the API that started last knows them.';

create schema health;
comment on schema health is 'What Quern knows of the health of databases. Every view shows the organisation of the role that reads, and nothing to another role.';
revoke all on schema health from public;

-- The views read their tables as their owner, so their conditions are the only way to a row: security_barrier keeps what a
-- reader writes from being evaluated before them.

create view health.servers with (security_barrier) as
select id as server_id, name as server_name, agent_id, cluster_id, type, version, version_num, provider, in_recovery,
  first_seen_at, last_seen_at
from health_servers
where org_id = (select org_id from health_readers where role_name = current_user);

create view health.databases with (security_barrier) as
select databases.id as database_id, databases.name as database_name, databases.server_id, servers.name as server_name,
  servers.type, servers.version, servers.version_num, servers.provider, servers.in_recovery, servers.agent_id,
  databases.datasource_id, databases.interval_s, latest.score, latest.coverage, latest.at as scored_at,
  databases.first_seen_at, databases.last_seen_at, databases.last_taken_at
from health_databases as databases
join health_servers as servers on servers.id = databases.server_id
left join lateral (
  select score, coverage, at from health_scores
  where health_scores.database_id = databases.id order by at desc limit 1
) as latest on true
where databases.org_id = (select org_id from health_readers where role_name = current_user);

create view health.agents with (security_barrier) as
select id as agent_id, name as agent_name, version, status, error, clock_offset_ms, built_in, last_seen_at, last_payload_at,
  rejected_at, rejected_reason, created_at, revoked_at
from health_agents
where org_id = (select org_id from health_readers where role_name = current_user);

create view health.scores with (security_barrier) as
select databases.id as database_id, databases.name as database_name, scores.at, scores.score, scores.coverage, scores.capped_by
from health_databases as databases
join health_scores as scores on scores.database_id = databases.id
where databases.org_id = (select org_id from health_readers where role_name = current_user);

create view health.statements with (security_barrier) as
select statements.id as statement_id, databases.id as database_id, databases.name as database_name, statements.query_hash,
  statements.user_name, statements.fingerprint, statements.kind, statements.query, statements.text_state, statements.tables,
  statements.run_id, statements.secret_visible, statements.first_seen_at, statements.last_seen_at
from health_databases as databases
join health_statements as statements on statements.database_id = databases.id
where databases.org_id = (select org_id from health_readers where role_name = current_user);

create view health.relations with (security_barrier) as
select relations.id as relation_id, databases.id as database_id, databases.name as database_name, relations.kind,
  relations.schema as schema_name, relations.table_name, case when relations.kind = 'index' then relations.name end as index_name,
  relations.first_seen_at, relations.last_seen_at
from health_databases as databases
join health_relations as relations on relations.database_id = databases.id
where databases.org_id = (select org_id from health_readers where role_name = current_user);

create view health.session_samples with (security_barrier) as
select servers.id as server_id, servers.name as server_name, activity.at, jsonb_array_length(activity.sessions) as listed_sessions,
  activity.idle as idle_sessions, activity.omitted as omitted_sessions
from health_servers as servers
join health_activity as activity on activity.server_id = servers.id
where servers.org_id = (select org_id from health_readers where role_name = current_user);

create view health.sessions with (security_barrier) as
select servers.id as server_id, servers.name as server_name, activity.at, session.pid, session.backend_type,
  session.database as database_name, session.user_name, session.application, session.state, session.wait_event_type,
  session.wait_event, session.query_hash, session.fingerprint, session.kind, session.run_id, session.backend_start,
  session.xact_start, session.query_start, session.state_change, session.xid_age as xid_age_xids,
  session.xmin_age as xmin_age_xids, session.blocked_by as blocked_by_pids,
  session.waits_for ->> 'lock_type' as waits_for_lock_type, session.waits_for ->> 'mode' as waits_for_mode,
  session.waits_for ->> 'schema' as waits_for_schema, session.waits_for ->> 'relation' as waits_for_relation,
  (session.waits_for ->> 'since')::timestamptz as waits_since
from health_servers as servers
join health_activity as activity on activity.server_id = servers.id
cross join lateral jsonb_to_recordset(activity.sessions) as session (
  pid bigint, backend_type text, database text, user_name text, application text, state text, wait_event_type text,
  wait_event text, query_hash text, fingerprint text, kind text, run_id uuid, backend_start timestamptz,
  xact_start timestamptz, query_start timestamptz, state_change timestamptz, xid_age numeric, xmin_age numeric,
  blocked_by bigint[], waits_for jsonb
)
where servers.org_id = (select org_id from health_readers where role_name = current_user);

create view health.settings with (security_barrier) as
select servers.id as server_id, servers.name as server_name, settings.name, settings.value, settings.unit, settings.category,
  settings.source, settings.default_value, settings.context, settings.pending_restart, settings.from_at, settings.until_at
from health_servers as servers
join health_settings as settings on settings.server_id = servers.id
where servers.org_id = (select org_id from health_readers where role_name = current_user);

create view health.events with (security_barrier) as
select events.id as event_id, events.at, events.type, events.subject, events.source, events.details, events.server_id,
  servers.name as server_name, events.database_id, databases.name as database_name
from health_events as events
left join health_servers as servers on servers.id = events.server_id
left join health_databases as databases on databases.id = events.database_id
where events.org_id = (select org_id from health_readers where role_name = current_user);

create view health.findings with (security_barrier) as
select findings.id as finding_id, findings.database_id, databases.name as database_name, findings.server_id,
  servers.name as server_name, findings.rule, findings.object, findings.severity,
  case
    when findings.resolved_at is not null then 'resolved'
    when findings.muted_at is not null then 'muted'
    when findings.snoozed_until > now() then 'snoozed'
    else 'open'
  end as state,
  findings.confidence, findings.evidence, findings.statement_id, findings.fix ->> 'sql' as fix_sql, findings.window_from,
  findings.window_to, findings.first_seen_at, findings.last_seen_at, findings.resolved_at, findings.snoozed_until,
  findings.muted_at, findings.muted_reason
from health_findings as findings
join health_databases as databases on databases.id = findings.database_id
join health_servers as servers on servers.id = findings.server_id
where findings.org_id = (select org_id from health_readers where role_name = current_user);

create view health.rule_states with (security_barrier) as
select databases.id as database_id, databases.name as database_name, states.rule, states.state, states.reason,
  states.evaluated_at
from health_databases as databases
join health_rule_states as states on states.database_id = databases.id
where databases.org_id = (select org_id from health_readers where role_name = current_user);

-- Points, hours and days have the same columns: one view of each, made of the columns of its table.
do $$
declare
  suffix  text;
  family  record;
  numbers text;
  places  text;
begin
  foreach suffix in array array['points', 'hours', 'days'] loop
    for family in
      select * from (values
        ('statement', 'statement_ids', 'statement_id', '', ''),
        ('table', 'relation_ids', 'relation_id', 'relations.schema as schema_name, relations.table_name,',
          'left join health_relations as relations on relations.id = item.relation_id'),
        ('index', 'relation_ids', 'relation_id',
          'relations.schema as schema_name, relations.table_name, relations.name as index_name,',
          'left join health_relations as relations on relations.id = item.relation_id')
      ) as families (name, ids, id, names, relations)
    loop
      -- What statements did that were not sent one by one is a row without a statement.
      select string_agg(quote_ident(attname), ', ' order by attnum),
        string_agg(case when family.name <> 'statement' then format('points.%I', attname) else
          format('points.%I || %s', attname, case attname
            when 'calls' then 'points.other_calls'
            when 'total_time_ms' then 'points.other_time_ms'
            else format('null::%s', format_type(typelem, null))
          end) end, ', ' order by attnum)
      into numbers, places
      from pg_attribute join pg_type on pg_type.oid = atttypid
      where attrelid = format('health_%s_%s', family.name, suffix)::regclass and attnum > 0 and not attisdropped
        and typcategory = 'A' and attname not in ('marks', family.ids);
      execute format($view$
        create view health.%1$I with (security_barrier) as
        select databases.id as database_id, databases.name as database_name, databases.server_id, item.%2$I, %3$s
          points.at, points.seconds, points.marks, %4$s
        from health_databases as databases
        join %5$I as points on points.database_id = databases.id
        cross join lateral unnest(points.%6$I %7$s, %8$s) as item (%2$I, %9$s)
        %10$s
        where databases.org_id = (select org_id from health_readers where role_name = current_user) %11$s
        $view$,
        family.name || '_' || suffix, family.id, family.names,
        regexp_replace(numbers, '(^|, )', '\1item.', 'g'), 'health_' || family.name || '_' || suffix, family.ids,
        case family.name when 'statement' then '|| null::bigint' else '' end, places, numbers, family.relations,
        case family.name when 'statement' then 'and (item.statement_id is not null or item.calls > 0)' else '' end);
    end loop;
    execute format($view$
      create view health.%1$I with (security_barrier) as
      select subjects.server_id, subjects.server_name, subjects.database_id, subjects.database_name, points.at,
        points.seconds, points.marks, number.name, names.kind, names.unit, number.value::double precision as value,
        case when names.kind = 'counter' and points.seconds > 0 then number.value::double precision / points.seconds end
          as per_second
      from (
        select id as subject_id, id as server_id, name as server_name, null::uuid as database_id, null as database_name
        from health_servers
        where org_id = (select org_id from health_readers where role_name = current_user)
        union all
        select databases.id, databases.server_id, servers.name, databases.id, databases.name
        from health_databases as databases join health_servers as servers on servers.id = databases.server_id
        where databases.org_id = (select org_id from health_readers where role_name = current_user)
      ) as subjects
      join %2$I as points on points.subject_id = subjects.subject_id
      cross join lateral jsonb_each_text(points.values) as number (name, value)
      left join health_metric_names as names on names.name = number.name
      where number.value is not null
      $view$, 'metric_' || suffix, 'health_metric_' || suffix);
    execute format($view$
      create view health.%1$I with (security_barrier) as
      select servers.id as server_id, servers.name as server_name, points.at, points.seconds, points.samples,
        nullif(item.database_name, '') as database_name, nullif(item.query_hash, '') as query_hash,
        nullif(item.user_name, '') as user_name, item.wait_event_type, nullif(item.wait_event, '') as wait_event,
        coalesce(item.sessions, 0) as sessions, coalesce(item.sessions, 0)::double precision / nullif(points.samples, 0) as load
      from health_servers as servers
      join %2$I as points on points.server_id = servers.id
      left join lateral unnest(points.databases, points.query_hashes, points.users, points.wait_types, points.wait_events,
        points.sessions) as item (database_name, query_hash, user_name, wait_event_type, wait_event, sessions) on true
      where servers.org_id = (select org_id from health_readers where role_name = current_user)
      $view$, 'load_' || suffix, 'health_load_' || suffix);
  end loop;
end
$$;

comment on view health.servers is 'Monitored servers: one PostgreSQL cluster, one MySQL.';
comment on view health.databases is 'Monitored databases, with their server and their newest score.';
comment on view health.agents is 'The processes that read databases and send what they find. Keys and secrets are not shown.';
comment on view health.scores is 'The score of each database over time.';
comment on view health.statements is 'Statements by their normalised text: literals never reach Quern.';
comment on view health.relations is 'Tables and indexes that have a history.';
comment on view health.session_samples is 'One row for each time that the sessions of a server were looked at: how many there were.';
comment on view health.sessions is 'Sessions that were not idle, held a transaction or blocked another, in each sample. Kept for seven days.';
comment on view health.settings is 'Settings of servers and what they were before. Values that may hold a secret are not known.';
comment on view health.events is 'What happened: restarts, crashes, statistics that were reset, settings, changes of the schema, deploys.';
comment on view health.findings is 'What the advisors found, open and past. A problem that comes back is a new row.';
comment on view health.rule_states is 'How each rule stands on each database.';

do $$
declare
  resolution record;
begin
  for resolution in
    select * from (values
      ('points', 'One row for each payload, for seven days.'),
      ('hours', 'Summed by hour, for ninety days; `at` is the end of the hour.'),
      ('days', 'Summed by day, for two years; `at` is the end of the day, in UTC.')
    ) as resolutions (suffix, words)
  loop
    execute format('comment on view health.%I is %L', 'statement_' || resolution.suffix,
      'What each statement did in the `seconds` before `at`. ' || resolution.words || ' A row without a statement_id is of those that were not sent one by one.');
    execute format('comment on view health.%I is %L', 'table_' || resolution.suffix,
      'What was done with each table in the `seconds` before `at`, and how it was at the end. ' || resolution.words || ' A table that was not touched has no row: its sizes are as before.');
    execute format('comment on view health.%I is %L', 'index_' || resolution.suffix,
      'How each index was used in the `seconds` before `at`. ' || resolution.words || ' An index that was not touched has no row.');
    execute format('comment on view health.%I is %L', 'metric_' || resolution.suffix,
      'Single numbers of servers (without a database_id) and of databases, by name. ' || resolution.words);
    execute format('comment on view health.%I is %L', 'load_' || resolution.suffix,
      'Active sessions by database, statement, role and what they waited for. ' || resolution.words || ' A time without any is a row with 0.');
  end loop;
end
$$;

-- What a column is, wherever its name stands; `view.column` where it is something else there.
do $$
declare
  each record;
begin
  for each in
    with words (column_name, comment) as (values
      ('agent_id', 'The agent that sends it'),
      ('agent_name', 'As its admin called it'),
      ('analyzes', 'How often it was analysed, by anybody'),
      ('application', 'A program known by its name, such as psql; any other is `other`'),
      ('at', 'The end of the time that the row is of'),
      ('events.at', 'When it happened'),
      ('scores.at', 'When it was judged'),
      ('sessions.at', 'When the sessions were looked at, by the server''s clock'),
      ('session_samples.at', 'When the sessions were looked at, by the server''s clock'),
      ('backend_start', 'When the session began'),
      ('backend_type', 'pg_stat_activity.backend_type'),
      ('blk_read_time_ms', 'Reading blocks, in milliseconds; 0 unless track_io_timing is on'),
      ('blk_write_time_ms', 'Writing blocks, in milliseconds; 0 unless track_io_timing is on'),
      ('blocked_by_pids', 'Sessions that it waits for; 0 is a prepared transaction'),
      ('built_in', 'The one that Quern started for its own database'),
      ('calls', 'How often it was executed in these seconds'),
      ('capped_by', 'The finding for which the score may not be higher'),
      ('category', 'pg_settings.category'),
      ('clock_offset_ms', 'The agent''s clock minus Quern''s, in milliseconds'),
      ('cluster_id', 'The same on replicas of each other'),
      ('confidence', 'high, medium or low'),
      ('context', 'pg_settings.context: what a change of it takes'),
      ('coverage', 'The share of the score''s rules that could be judged, from 0 to 1'),
      ('created_at', 'When it was made'),
      ('database_id', 'The monitored database; null where a row is of the server'),
      ('database_name', 'Its name on its server'),
      ('datasource_id', 'The datasource of Quern that is the same database'),
      ('default_value', 'What it would be if nobody had set it'),
      ('details', 'More of it, by type'),
      ('error', 'What the agent says of itself'),
      ('evaluated_at', 'When the rule last looked'),
      ('event_id', 'The event'),
      ('evidence', 'The numbers that the finding is made of'),
      ('finding_id', 'The finding'),
      ('fingerprint', 'The same for statements that differ in their literals only'),
      ('first_seen_at', 'When it was first seen'),
      ('fix_sql', 'Statements that mend it; null where it takes more than SQL'),
      ('from_at', 'Since when it has this value'),
      ('frozen_xid_age', 'Transactions since the oldest row that is not frozen'),
      ('heap_blks_hit', 'Blocks of 8 KiB of the table found in the cache'),
      ('heap_blks_read', 'Blocks of 8 KiB of the table that were not'),
      ('heap_bytes', 'Size of the table itself, in bytes'),
      ('idle_sessions', 'Idle client sessions, which are only counted'),
      ('idx_blks_hit', 'Blocks of 8 KiB of the index found in the cache'),
      ('idx_blks_read', 'Blocks of 8 KiB of the index that were not'),
      ('idx_scan', 'Scans by an index'),
      ('idx_tup_fetch', 'Live rows that scans by an index fetched'),
      ('idx_tup_read', 'Entries that scans of the index returned'),
      ('in_recovery', 'A replica'),
      ('index_bytes', 'Size of its indexes, in bytes'),
      ('index_name', 'The index'),
      ('interval_s', 'Seconds between two payloads'),
      ('kind', 'counter: `value` is the growth over the seconds; gauge: as it was at the end'),
      ('relations.kind', 'table or index'),
      ('sessions.kind', 'The statement''s first word or two, such as `alter table`'),
      ('statements.kind', 'The statement''s first word or two, such as `alter table`'),
      ('last_payload_at', 'When its last payload arrived'),
      ('last_seen_at', 'When it was last seen'),
      ('last_taken_at', 'When its newest numbers were taken'),
      ('listed_sessions', 'Sessions of the sample that are rows of health.sessions'),
      ('load', 'Sessions that were active on average: sessions / samples. Summed over a time''s rows it is the server''s load'),
      ('marks', 'What makes the differences doubtful: reset, crash, eviction, gap, clock_step, first …; empty when nothing does'),
      ('min_mxid_age', 'Multixacts since the oldest one in use'),
      ('muted_at', 'Since when nobody wants to hear of it'),
      ('muted_reason', 'Why'),
      ('n_dead_tup', 'Rows that are dead and not yet removed, by the server''s estimate'),
      ('n_ins_since_vacuum', 'Rows inserted since it was vacuumed'),
      ('n_live_tup', 'Live rows, by the server''s estimate'),
      ('n_mod_since_analyze', 'Rows changed since it was analysed'),
      ('n_tup_del', 'Rows deleted'),
      ('n_tup_hot_upd', 'Rows updated within their page, without a new entry in an index'),
      ('n_tup_ins', 'Rows inserted'),
      ('n_tup_newpage_upd', 'Rows updated into another page (16 and later)'),
      ('n_tup_upd', 'Rows updated'),
      ('name', 'Of the number; docs/health-datasource.md lists them'),
      ('settings.name', 'Of the setting'),
      ('object', 'What it is about within the database'),
      ('omitted_sessions', 'Sessions beyond the agent''s limit'),
      ('pending_restart', 'Changed, and in force after a restart'),
      ('per_second', 'Of counters: value / seconds'),
      ('pid', 'The process of the session'),
      ('plan_time_ms', 'Planning, in milliseconds; 0 unless pg_stat_statements.track_planning is on'),
      ('provider', 'Who runs the server: generic, rds, neon …'),
      ('query', 'The normalised text; null where it is not known (text_state)'),
      ('query_hash', 'query_id in hexadecimal'),
      ('query_start', 'When its statement began'),
      ('reason', 'Why it could not be judged'),
      ('rejected_at', 'When something that it sent was refused last'),
      ('rejected_reason', 'Why it was refused'),
      ('relation_id', 'The table or index, as in health.relations'),
      ('reltuples', 'Rows as of the last vacuum or analyze; -1 when there was none'),
      ('resolved_at', 'When it was gone'),
      ('revoked_at', 'When an admin revoked it'),
      ('rows', 'Rows returned or changed'),
      ('rule', 'The advisor: docs/advisors.md'),
      ('run_id', 'The run of Quern that it belongs to'),
      ('samples', 'How often sessions were looked at in these seconds'),
      ('schema_name', 'The schema of the table'),
      ('score', 'From 0 to 100'),
      ('scored_at', 'When it was judged'),
      ('seconds', 'How long the time is that the differences are of'),
      ('secret_visible', 'The server''s statistics show a password in it; the text here does not'),
      ('seq_scan', 'Scans of the whole table'),
      ('seq_tup_read', 'Live rows that scans of the whole table read'),
      ('server_id', 'The server'),
      ('server_name', 'As the agent names it: host and port, or what was configured'),
      ('sessions', 'Active sessions, summed over the samples'),
      ('severity', 'info, warning or critical'),
      ('shared_blks_dirtied', 'Blocks of 8 KiB that it changed first'),
      ('shared_blks_hit', 'Blocks of 8 KiB found in the cache'),
      ('shared_blks_read', 'Blocks of 8 KiB that were not'),
      ('shared_blks_written', 'Blocks of 8 KiB that it had to write itself'),
      ('size_bytes', 'Size, in bytes; of a table with its indexes and TOAST'),
      ('snoozed_until', 'Until when nobody wants to hear of it'),
      ('source', 'agent, api or advisor: who says so'),
      ('settings.source', 'pg_settings.source: where it was set'),
      ('state', 'pg_stat_activity.state'),
      ('findings.state', 'open, snoozed, muted or resolved'),
      ('rule_states.state', 'finding, ok, not_enough_data, no_permission or not_applicable'),
      ('state_change', 'When its state changed last'),
      ('statement_id', 'The statement, as in health.statements'),
      ('status', 'What the agent said of itself last'),
      ('subject', 'What it happened to: the setting, the table, the release'),
      ('table_name', 'The table'),
      ('tables', 'Tables that it names'),
      ('temp_blks_read', 'Blocks of 8 KiB read from temporary files'),
      ('temp_blks_written', 'Blocks of 8 KiB written to temporary files'),
      ('text_state', 'Why there is no text'),
      ('toast_bytes', 'Size of its TOAST, in bytes'),
      ('total_time_ms', 'Executing, in milliseconds'),
      ('type', 'restart, crash, statistics_reset, statements_reset, setting, schema, version, failover, deploy, gap, clock_step …'),
      ('databases.type', 'postgres, mysql or mariadb'),
      ('servers.type', 'postgres, mysql or mariadb'),
      ('unit', 'Of the value: count, bytes, ms, seconds, ratio, xids'),
      ('settings.unit', 'pg_settings.unit'),
      ('until_at', 'Until when it had this value; null: it still has'),
      ('user_name', 'The role'),
      ('vacuums', 'How often it was vacuumed, by anybody'),
      ('value', 'The number, in `unit`'),
      ('settings.value', 'As text, in `unit`; null where it is hidden because it may hold a secret'),
      ('version', 'As the server says it'),
      ('agents.version', 'Of the agent'),
      ('version_num', 'server_version_num: 180004'),
      ('wait_event', 'pg_stat_activity.wait_event; null when it ran'),
      ('wait_event_type', 'pg_stat_activity.wait_event_type; when it ran, CPU in the views of load and null in health.sessions'),
      ('waits_for_lock_type', 'pg_locks.locktype of the lock that it waits for'),
      ('waits_for_mode', 'The mode that it asks for'),
      ('waits_for_relation', 'The table or index that is locked'),
      ('waits_for_schema', 'The schema of that'),
      ('waits_since', 'Since when it waits'),
      ('wal_bytes', 'WAL that it wrote, in bytes'),
      ('window_from', 'The beginning of the time that was judged'),
      ('window_to', 'Its end'),
      ('xact_start', 'When its transaction began'),
      ('xid_age_xids', 'Transactions since its own'),
      ('xmin_age_xids', 'Transactions since the oldest that its snapshot sees')
    )
    select views.relname as view_name, attname as column_name, coalesce(own.comment, common.comment) as comment
    from pg_class as views
    join pg_attribute on attrelid = views.oid and attnum > 0
    left join words as own on own.column_name = views.relname || '.' || attname
    left join words as common on common.column_name = attname
    where views.relnamespace = 'health'::regnamespace and views.relkind = 'v'
  loop
    execute format('comment on column health.%I.%I is %L', each.view_name, each.column_name, each.comment);
  end loop;
end
$$;
