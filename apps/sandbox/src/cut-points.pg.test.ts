/** Wherever a chain is cut by the cache, its head gives the same. */
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Files, startTestSandbox, type TestSandbox } from "./testing-sandbox.ts";

let sandbox: TestSandbox;
beforeAll(async () => {
  sandbox = await startTestSandbox();
});
afterAll(() => sandbox.stop());

/** All that a state holds, as text: rows, sequences, roles, settings, definitions. */
const LOOK = `
  select 'rows ' || relname as what,
    (xpath('/row/c/text()', query_to_xml(format(
      'select md5(coalesce(string_agg(t::text, '','' order by t::text), '''')) as c from %I as t', relname), false, true, '')))[1]::text as value
  from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'
  union all select 'sequence ' || sequencename, coalesce(last_value::text, 'none') from pg_sequences where schemaname = 'public'
  union all select 'role ' || rolname, concat(rolcreatedb, rolcanlogin, rolconnlimit) from pg_roles where oid >= 16384
  union all select 'setting', array_to_string(setconfig, ',') from pg_db_role_setting
  union all select 'index ' || indexname, indexdef from pg_indexes where schemaname = 'public'
  union all select 'function ' || proname, prosrc from pg_proc where pronamespace = 'public'::regnamespace
  union all select 'database ' || datname, coalesce(shobj_description(oid, 'pg_database'), '') from pg_database where not datistemplate
  union all select 'comment ' || objoid::regclass, description from pg_description
    where classoid = 'pg_class'::regclass and objoid >= 16384
  order by 1, 2`;

/** Statements that may follow each other in any order. */
const n = fc.integer({ min: 0, max: 2 });
const statement = fc.oneof(
  n.map(
    (i) => `create table if not exists t${i} (id serial primary key, v text default 'x', w int);`,
  ),
  fc.tuple(n, fc.integer({ min: 1, max: 40 })).map(
    ([
      i,
      rows,
    ]) => `create table if not exists t${i} (id serial primary key, v text default 'x', w int);
      insert into t${i} (v, w) select md5(g::text), g from generate_series(1, ${rows}) as g;`,
  ),
  n.map(
    (i) =>
      `do $$ begin update t${i} set w = w + 1, v = v || 'y' where id % 2 = 0; exception when undefined_table then null; end $$;`,
  ),
  n.map(
    (i) =>
      `do $$ begin delete from t${i} where id % 3 = 0; exception when undefined_table then null; end $$;`,
  ),
  n.map((i) => `create index if not exists t_i${i} on pg_temp.nothing (x);`).map(() => "select 1;"),
  n.map((i) => `create sequence if not exists s${i}; select nextval('s${i}'), nextval('s${i}');`),
  n.map(
    (i) =>
      `do $$ begin create role r${i} nologin connection limit ${i}; exception when duplicate_object then null; end $$;`,
  ),
  n.map((i) => `alter database project set work_mem = '${i + 4}MB';`),
  n.map((i) => `comment on database project is 'version ${i}';`),
  n.map((i) => `create or replace function f${i}() returns int language sql as 'select ${i}';`),
  n.map(
    (i) =>
      `begin; create table if not exists tx${i} (a int); insert into tx${i} values (${i}); commit;`,
  ),
  n.map((i) => `begin; create table if not exists gone${i} (a int); rollback;`),
  n.map((i) => `set search_path to pg_temp; create temp table if not exists private${i} (a int);`),
  fc.constant("deallocate all; prepare p as select 1;"),
  fc.constant("-- nothing but words"),
  fc.constant("select pg_advisory_lock(42); listen news;"),
);
const chain = fc.array(fc.array(statement, { minLength: 1, maxLength: 3 }), {
  minLength: 2,
  maxLength: 7,
});

/** What a head may do to the state that it was given, after it has looked. */
const WRECK = `
  do $$ declare it record; begin
    for it in select sequencename as name from pg_sequences where schemaname = 'public' loop
      perform nextval(format('%I', it.name)) from generate_series(1, 50);
    end loop;
    for it in select tablename as name from pg_tables where schemaname = 'public' loop
      execute format('drop table %I cascade', it.name);
    end loop;
  end $$;
  create table of_the_head (a int);
  create role of_the_head nologin;
  create or replace function f0() returns int language sql as 'select 99';
  comment on database project is 'of the head';
  alter database project set work_mem = '64MB';`;

function filesOf(steps: readonly (readonly string[])[]): Files {
  const files = steps.map((lines, i) => [
    `init/${String(i).padStart(2, "0")}.sql`,
    lines.join("\n"),
  ]);
  return { ...Object.fromEntries(files), "test/x.sql": LOOK };
}

const FRESH = { policy: { volatile: null, no_cache: true, keep: "auto", order: null } } as const;
const ALL = { policy: { volatile: null, no_cache: false, keep: "all", order: null } } as const;

test("a head gives the same on a miss, on a hit, behind any cut, after an edit, and without a cache", async () => {
  await fc.assert(
    fc.asyncProperty(chain, fc.nat(), fc.nat(), async (steps, cut, edit) => {
      // A beginning of the chain is there already, cut after any file.
      const begun = steps.slice(0, 1 + (cut % steps.length));
      const before = await sandbox.run(filesOf(begun), cut % 2 ? ALL : {});
      expect(before.error).toBeNull();
      const whole = filesOf(steps);
      const missed = await sandbox.run(whole);
      const hit = await sandbox.run(whole);
      const fresh = await sandbox.run(whole, FRESH);
      expect([missed.error, hit.error, fresh.error]).toEqual([null, null, null]);
      expect(hit.snapshot?.hit).toBe("full");
      expect(fresh.snapshot).toMatchObject({ hit: "miss", replayed_steps: steps.length });
      expect(hit.result_rows).toEqual(fresh.result_rows);
      expect(missed.result_rows).toEqual(fresh.result_rows);
      const changed = steps.map((lines, i) =>
        i === edit % steps.length
          ? [...lines, "create table if not exists edited (a int);"]
          : lines,
      );
      // The head is answered before its state is kept, and has nothing of what is kept.
      const edited = await sandbox.run({ ...filesOf(changed), "test/x.sql": `${LOOK};${WRECK}` });
      const kept = await sandbox.run(filesOf(changed));
      const again = await sandbox.run(filesOf(changed), FRESH);
      expect([edited.error, kept.error, again.error]).toEqual([null, null, null]);
      expect(edited.progress.stages.map(({ stage }) => stage)).not.toContain("publishing");
      expect(kept.snapshot?.hit).toBe("full");
      expect(edited.result_rows).toEqual(again.result_rows);
      expect(kept.result_rows).toEqual(again.result_rows);
    }),
    { numRuns: Number(process.env.QUERN_CUT_POINTS ?? 2), endOnFailure: true },
  );
}, 300_000);
