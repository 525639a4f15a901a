/** What the sandbox of a trial with rows has besides: it loads them, takes values of parameters out of them, and times statements. */
export const ROW_FUNCTIONS = `create table quern_trial.chosen (n integer, p integer, value text);

-- Errors may quote a value, so only their codes are kept.
create procedure quern_trial.fill(item jsonb) language plpgsql as $$
declare
  names text;
  cells text;
begin
  perform quern_trial.see_all();
  select string_agg(quote_ident(a.attname), ', ' order by sent.place),
    string_agg(format('c%s::%s', sent.place, format_type(a.atttypid, a.atttypmod)), ', ' order by sent.place)
  into names, cells
  from jsonb_array_elements_text(item -> 'columns') with ordinality as sent (name, place)
  join pg_attribute as a on a.attrelid = to_regclass(format('%I.%I', item ->> 's', item ->> 'n'))
    and a.attname = sent.name and not a.attisdropped and a.attgenerated = '';
  execute format('insert into %I.%I (%s) overriding system value select %s from quern_trial.%I',
    item ->> 's', item ->> 'n', names, cells, item ->> 'from');
exception when others then
  perform quern_trial.note('table', format('%I.%I', item ->> 's', item ->> 'n'), 'left_out', 'refused', concat('SQLSTATE ', sqlstate));
end $$;

-- Parameters of one table come from one row, so that together they find something; bounds from how the values are spread.
create procedure quern_trial.choose(statements jsonb) language plpgsql as $$
declare
  each record;
begin
  perform quern_trial.see_all();
  for each in
    select sent.n, q.s, q.t,
      string_agg(format('%L, %s', q.p, case when q."array" then format('array[%I]::text', q.c) else format('%I::text', q.c) end), ', ') as pairs,
      string_agg(distinct format('%I is not null', q.c), ' and ') as filled
    from jsonb_to_recordset(statements) as sent (n integer, parameters jsonb),
      jsonb_to_recordset(sent.parameters) as q (p integer, s text, t text, c text, share float8, "array" boolean)
    where q.share is null group by 1, 2, 3
  loop
    begin
      execute format('insert into quern_trial.chosen select $1, pair.key::integer, pair.value from (
          select jsonb_build_object(%s) as found from %I.%I where %s order by ctid
          offset (select count(*) / 2 from %I.%I where %s) limit 1) as middle, jsonb_each_text(found) as pair',
        each.pairs, each.s, each.t, each.filled, each.s, each.t, each.filled) using each.n;
    exception when others then
      null; -- Its statement has no values then, and says so.
    end;
  end loop;
  for each in
    select sent.n, q.* from jsonb_to_recordset(statements) as sent (n integer, parameters jsonb),
      jsonb_to_recordset(sent.parameters) as q (p integer, s text, t text, c text, share float8)
    where q.share is not null
  loop
    begin
      execute format('insert into quern_trial.chosen select $1, $2, percentile_disc($3) within group (order by %I)::text from %I.%I',
        each.c, each.s, each.t) using each.n, each.p, each.share;
    exception when others then
      null; -- As above: values that have no order.
    end;
  end loop;
end $$;

-- Vacuum marks pages of rows that were just loaded at its own time; the planner takes all of them for visible on both sides.
create procedure quern_trial.settle() language plpgsql as $$
declare
  each record;
begin
  perform set_config('client_min_messages', 'error', true);
  for each in
    select n.nspname, c.relname, c.relpages from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
    where c.relkind in ('r', 'm') and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'quern_trial')
  loop
    perform pg_restore_relation_stats('schemaname', each.nspname::text, 'relname', each.relname::text, 'relallvisible', each.relpages);
  end loop;
end $$;

create function quern_trial.empty_table(reads jsonb) returns text language plpgsql as $$
declare
  each record;
  filled boolean;
begin
  for each in select * from jsonb_to_recordset(reads) as sent (s text, t text, object text) loop
    execute format('select exists (select from %I.%I)', each.s, each.t) into filled;
    if not filled then return each.object; end if;
  end loop;
  return null;
end $$;

-- Median of five after one to warm up; of a statement that is slow fewer, or the only one. What it writes is undone each time.
create function quern_trial.timings(statements jsonb, settings jsonb, path text)
returns table (n integer, cost float8, rows float8, plan text, error text, state text,
  ms float8, lowest float8, highest float8, runs integer, untimed text, why text) language plpgsql as $$
#variable_conflict use_column
declare
  each record;
  planned record;
  found jsonb;
  begun timestamptz;
  started timestamptz := clock_timestamp();
  given text[];
  asked text;
  times float8[];
  plans jsonb[];
  median float8;
  reason text;
  detail text;
begin
  for each in select * from jsonb_to_recordset(statements)
    as sent (n integer, text text, parameters jsonb, reads jsonb, untimed text, detail text) loop
    select * into planned from quern_trial.plans(jsonb_build_array(jsonb_build_object('n', each.n, 'text', each.text)), settings, path);
    perform set_config('plan_cache_mode', 'force_custom_plan', false);
    times := '{}'; plans := '{}'; reason := each.untimed; detail := each.detail;
    begin
      if planned.error is not null then
        return query select each.n, null::float8, null::float8, null::text, planned.error, planned.state,
          null::float8, null::float8, null::float8, null::integer, null::text, null::text;
        continue;
      end if;
      if reason is null then
        detail := quern_trial.empty_table(each.reads);
        if detail is not null then reason := 'no_rows'; end if;
      end if;
      if reason is null then
        select array_agg(value order by p) into given from quern_trial.chosen where n = each.n and value is not null;
        if coalesce(cardinality(given), 0) < jsonb_array_length(each.parameters) then reason := 'no_values'; end if;
      end if;
      if reason is null and clock_timestamp() > started + interval '20 seconds' then reason := 'no_time'; end if;
      if reason is null then
        execute format('prepare quern_timed_%s as %s', each.n, each.text);
        asked := format('explain (analyze, buffers, format json) execute quern_timed_%s%s', each.n,
          (select '(' || string_agg(quote_literal(value), ', ' order by place) || ')' from unnest(given) with ordinality as u (value, place)));
        begun := clock_timestamp();
        for round in 0..5 loop
          begin
            execute asked into found;
            raise exception using errcode = 'QT000';
          exception when sqlstate 'QT000' then null;
          end;
          if round > 0 or clock_timestamp() > begun + interval '3 seconds' then
            times := times || (found -> 0 ->> 'Execution Time')::float8;
            plans := plans || found;
          end if;
          exit when clock_timestamp() > begun + interval '3 seconds';
        end loop;
      end if;
    exception when others then
      reason := 'failed'; detail := sqlstate; times := '{}';
    end;
    if cardinality(times) = 0 then
      return query select each.n, planned.cost, planned.rows, planned.plan, null::text, null::text,
        null::float8, null::float8, null::float8, null::integer, reason, detail;
      continue;
    end if;
    select percentile_disc(0.5) within group (order by t) into median from unnest(times) as t;
    found := plans[array_position(times, median)];
    return query select each.n, (found -> 0 -> 'Plan' ->> 'Total Cost')::float8, (found -> 0 -> 'Plan' ->> 'Plan Rows')::float8,
      found::text, null::text, null::text, median, (select min(t) from unnest(times) as t), (select max(t) from unnest(times) as t),
      cardinality(times), null::text, null::text;
  end loop;
end $$;
`;
