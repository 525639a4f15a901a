import { existsSync } from "node:fs";
import { readdir, readFile, rename, stat } from "node:fs/promises";
import { join } from "node:path";
import { processStart } from "@quern/postmaster/process-lock";
import { afterAll, beforeAll, expect, test } from "vitest";
import { initdbArguments, profileOf } from "./profile.ts";
import { openTestInstances, startOn, type TestInstances, withSession } from "./testing.ts";

let sandbox: TestInstances;

beforeAll(async () => {
  sandbox = await openTestInstances();
});
afterAll(() => sandbox.stop());

/** Shown in other words than they are set in. */
const SHOWN: Record<string, string> = { datestyle: "ISO, MDY", max_wal_size: "1GB" };

test.each([18, 17, 16, 15, 14, 13])(
  "PostgreSQL %i has the profile, roles and locale",
  async (engine_version) => {
    const environment = sandbox.instances.environment({ engine_version });
    const instance = await startOn(sandbox, environment);
    await withSession(instance, async (client) => {
      const { rows } = await client.query(
        "select name, current_setting(name) as value from pg_settings",
      );
      const shown = new Map(rows.map(({ name, value }) => [name.toLowerCase(), value]));
      for (const [name, value] of Object.entries(profileOf(engine_version))) {
        expect([name, shown.get(name)]).toEqual([name, SHOWN[name] ?? value]);
      }
      expect(shown.get("server_version")).toBe(environment.engine.version);
      expect(shown.get("listen_addresses")).toBe("");
      expect(shown.get("data_checksums")).toBe("off");
      const said = await client.query(
        `select upper('é') as upper, 'a' < 'B' as dictionary, current_user as who, rolsuper, rolcreaterole, rolcreatedb,
         rolreplication, rolbypassrls, pg_get_userbyid(datdba) as owner, datname,
         has_schema_privilege('public', 'create') as creates
       from pg_roles, pg_database where rolname = current_user and datname = current_database()`,
      );
      expect(said.rows[0]).toEqual({
        upper: "É",
        dictionary: false,
        who: "owner",
        rolsuper: false,
        rolcreaterole: engine_version >= 16,
        rolcreatedb: true,
        rolreplication: false,
        rolbypassrls: false,
        owner: "owner",
        datname: "project",
        creates: true,
      });
      // As the owner of a real database may.
      await client.query("drop schema public cascade; create schema public");
    });
    const { socket_dir, directory } = instance;
    await instance.destroy();
    expect((await instance.exited).reason).toBe("destroyed");
    expect([existsSync(socket_dir), existsSync(directory)]).toEqual([false, false]);
  },
);

test("a builder that was stopped cleanly can be moved away and cloned again", async () => {
  const environment = sandbox.instances.environment({});
  const builder = await startOn(sandbox, environment, { purpose: "builder" });
  await withSession(builder, (client) => client.query("create table t as select 1 as one"));
  await builder.stop("clean");
  expect((await builder.exited).reason).toBe("stopped");
  const layer = join(sandbox.folder, "layers", "made");
  expect(await readdir(builder.directory)).not.toContain("postmaster.pid");
  await rename(builder.directory, layer);
  await builder.destroy();
  const [one, two] = await Promise.all(
    [1, 2].map(() => startOn(sandbox, environment, { from: layer, key: Buffer.alloc(32, 1) })),
  );
  await withSession(one!, (client) => client.query("insert into t values (2)"));
  const seen = await withSession(two!, (client) => client.query("select * from t"));
  expect(seen.rows).toEqual([{ one: 1 }]);
  await Promise.all([one!.destroy(), two!.destroy()]);
});

test("an inspection admits the reader, who sees every row and changes nothing", async () => {
  for (const engine_version of [18, 13]) {
    const environment = sandbox.instances.environment({ engine_version });
    const builder = await startOn(sandbox, environment, { purpose: "builder" });
    await withSession(builder, (client) =>
      client.query(`create schema s; create table s.t as select 1 as one;
        alter table s.t enable row level security, force row level security`),
    );
    await withSession(builder, (client) => client.query("create database other"));
    await builder.stop("clean");
    const look = await startOn(sandbox, environment, {
      from: builder.directory,
      purpose: "inspection",
    });
    await expect(withSession(look, async () => {})).rejects.toThrow(/no pg_hba.conf entry/);
    await withSession(
      look,
      async (client) => {
        expect((await client.query("select one from s.t")).rows).toEqual([{ one: 1 }]);
        if (engine_version >= 14) {
          await expect(client.query("insert into s.t values (2)")).rejects.toThrow(/denied/);
        }
      },
      look.reader!.user,
    );
    await withSession(look, async () => {}, look.reader!.user, "other");
    await Promise.all([builder.destroy(), look.destroy()]);
  }
});

test("a server that is killed is told, and nothing of it runs on", async () => {
  const instance = await startOn(sandbox, sandbox.instances.environment({}));
  const [pid] = (await readFile(join(instance.directory, "postmaster.pid"), "utf8")).split("\n");
  const session = withSession(instance, (client) => client.query("select pg_sleep(60)"));
  const { uid } = await stat(instance.directory);
  const backends = async () => {
    const ids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
    const found = await Promise.all(
      ids.map(async (id) => {
        const owner = await stat(`/proc/${id}`).catch(() => null);
        return owner?.uid === uid && (await processStart(Number(id))) !== null;
      }),
    );
    return found.filter(Boolean).length;
  };
  await expect.poll(backends, { timeout: 10_000 }).toBeGreaterThan(3);
  process.kill(Number(pid), "SIGKILL");
  await expect(session).rejects.toThrow();
  expect((await instance.exited).reason).toBe("crashed");
  expect(await processStart(Number(pid))).toBeNull();
  if (sandbox.instances.stats().isolation.uids) expect(await backends()).toBe(0);
  await instance.destroy();
});

test("a start that is called off leaves nothing", async () => {
  const environment = sandbox.instances.environment({});
  await sandbox.base(environment);
  const before = await readdir(join(sandbox.folder, "instances"));
  const abort = new AbortController();
  const started = startOn(sandbox, environment, { signal: abort.signal });
  setImmediate(() => abort.abort());
  await expect(started).rejects.toMatchObject({ code: "aborted" });
  expect(await readdir(join(sandbox.folder, "instances"))).toEqual(before);
});

test("initdb is told the same on every machine of a kind", () => {
  expect(initdbArguments(18, "linux")).toMatchInlineSnapshot(`
    [
      "--username=quern_admin",
      "--auth=reject",
      "--encoding=UTF8",
      "--locale=C",
      "--locale-provider=builtin",
      "--builtin-locale=C.UTF-8",
      "--no-sync",
      "--wal-segsize=1",
      "--no-data-checksums",
    ]
  `);
});
