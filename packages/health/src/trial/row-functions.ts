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
create procedure quern_trial.time(statement jsonb) language plpgsql as $$
#variable_conflict use_column
declare
  own integer := (statement ->> 'n')::integer;
  bound text := current_setting('statement_timeout');
  called timestamptz := clock_timestamp();
  begun timestamptz;
  found jsonb;
  given text[];
  asked text;
  times float8[] := '{}';
  plans jsonb[] := '{}';
  median float8;
  reason text := statement ->> 'untimed';
  detail text := statement ->> 'detail';
begin
  call quern_trial.plan(statement);
  if exists (select from quern_trial.answers where n = own and error is not null) then return; end if;
  perform set_config('plan_cache_mode', 'force_custom_plan', true);
  begin
    if reason is null then
      detail := quern_trial.empty_table(statement -> 'reads');
      if detail is not null then reason := 'no_rows'; end if;
    end if;
    if reason is null then
      select array_agg(value order by p) into given from quern_trial.chosen where n = own and value is not null;
      if coalesce(cardinality(given), 0) < jsonb_array_length(statement -> 'parameters') then reason := 'no_values'; end if;
    end if;
    if reason is null and clock_timestamp() > current_setting('quern_trial.begun')::timestamptz + interval '20 seconds'
      then reason := 'no_time'; end if;
    if reason is null then
      execute format('prepare quern_timed_%s as %s', own, statement ->> 'text');
      asked := format('explain (analyze, buffers, format json) execute quern_timed_%s%s', own,
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
  exception
    when query_canceled then
      if not quern_trial.too_long(called) then raise; end if;
      if cardinality(times) = 0 then reason := 'too_long'; detail := extract(epoch from bound::interval)::float8; end if;
    when others then
      reason := 'failed'; detail := sqlstate; times := '{}';
  end;
  if cardinality(times) = 0 then
    update quern_trial.answers set untimed = reason, why = detail where n = own;
    return;
  end if;
  select percentile_disc(0.5) within group (order by t) into median from unnest(times) as t;
  found := plans[array_position(times, median)];
  update quern_trial.answers set cost = (found -> 0 -> 'Plan' ->> 'Total Cost')::float8,
    rows = (found -> 0 -> 'Plan' ->> 'Plan Rows')::float8, plan = quern_trial.readable(found), ms = median,
    lowest = (select min(t) from unnest(times) as t), highest = (select max(t) from unnest(times) as t), runs = cardinality(times)
    where n = own;
end $$;
`;
