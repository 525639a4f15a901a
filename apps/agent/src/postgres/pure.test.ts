import { describe, expect, test } from "vitest";
import { identityOf, instanceId } from "../engine/identity.ts";
import { chooseStatements } from "../engine/statement-choice.ts";
import { counter, measure, whole } from "../engine/values.ts";
import { addressOf } from "./address.ts";
import { isAdmitted } from "./databases.ts";
import { printGrants } from "./grants.ts";
import { printHelperSql } from "./helper-sql.ts";
import { detectProvider, type ProviderSigns } from "./provider.ts";
import { time } from "./values.ts";

test("counters beyond 2^53 keep their digits; NaN and infinities are no numbers", () => {
  expect(counter("9007199254740991")).toBe(9007199254740991);
  expect(counter("9007199254740993")).toBe("9007199254740993");
  expect(counter("18446744073709551615")).toBe("18446744073709551615");
  expect(counter("-1")).toBe(-1);
  // An oid is unsigned.
  expect(whole("4294967295")).toBe(4294967295);
  for (const none of ["NaN", "1.5", "", null, undefined]) expect(counter(none)).toBeNull();
  expect([measure("NaN"), measure("Infinity"), measure("0.25"), measure("-1")]).toEqual([
    ...[null, null, 0.25, -1],
  ]);
});

test("times have microseconds and one zone; infinity stays", () => {
  expect(time("2026-03-01 10:00:00+00")).toBe("2026-03-01T10:00:00.000000Z");
  expect(time("2026-03-01 10:00:00.12+00")).toBe("2026-03-01T10:00:00.120000Z");
  expect(time("infinity")).toBe("infinity");
  expect(time("-infinity")).toBe("-infinity");
  expect(time(null)).toBeNull();
});

describe("addresses", () => {
  test("a URL with everything", () => {
    expect(addressOf("postgres://u%40x:p%2Fw@Db.Example:6000/my%20db?sslmode=require")).toEqual({
      ...{ host: "db.example", port: 6000, database: "my db", user: "u@x", password: "p/w" },
    });
    expect(addressOf("postgresql://u@[::1]/d").host).toBe("::1");
    expect(addressOf("postgres://u@%2Fvar%2Frun/d").host).toBe("/var/run");
    expect(addressOf("postgres:///d?host=/tmp&user=me").host).toBe("/tmp");
  });
  test.each([
    "mysql://u:hunter2@h/d",
    "hunter2",
    "postgres://u:hunter2@a,b/d",
    "postgres://u:hunter2%@h/d",
    "postgres://u:hunter2@h/d?port=99999",
  ])("%s is refused without a word of it", (url) => {
    expect(() => addressOf(url)).toThrow(/DATABASE_URL/);
    expect(() => addressOf(url)).not.toThrow(/hunter2/);
  });
});

test("defect 13: an identity knows neither password nor spelling, and tells a restored copy apart", () => {
  const local = identityOf({ host: "localhost", port: 5432 }, "7", null, "box");
  expect(identityOf({ host: "127.0.0.1", port: 5432 }, "7", null, "box")).toEqual(local);
  expect(identityOf({ host: "localhost", port: 5432 }, "7", null, "other").node_id).not.toBe(
    local.node_id,
  );
  const copy = identityOf({ host: "copy.example", port: 5432 }, "7", null, "box");
  expect(copy.cluster_id).toBe(local.cluster_id);
  expect(copy.node_id).not.toBe(local.node_id);
  expect(identityOf({ host: "x", port: 1 }, "7", "blue", "box").node_id).toBe("blue");
  expect(instanceId(local.node_id, "a")).not.toBe(instanceId(local.node_id, "b"));
});

test("globs admit and exclude; databases of managed services are never read", () => {
  const all = { include: ["*"], exclude: ["*_test", "tmp?"] };
  expect(isAdmitted("app", all)).toBe(true);
  expect(isAdmitted("app_test", all)).toBe(false);
  expect(isAdmitted("tmp1", all)).toBe(false);
  expect(isAdmitted("tmp12", all)).toBe(true);
  expect(isAdmitted("a.b", { include: ["a.b"], exclude: [] })).toBe(true);
  expect(isAdmitted("axb", { include: ["a.b"], exclude: [] })).toBe(false);
  for (const own of ["rdsadmin", "cloudsqladmin", "azure_sys"]) {
    expect(isAdmitted(own, { include: ["*"], exclude: [] })).toBe(false);
  }
});

const NOTHING: ProviderSigns = {
  ...{ host: "db.example", database: "app", rds_extensions: null },
  ...{ settings: new Set(), extensions: new Set(), roles: new Set(), databases: new Set() },
  ...{ schemas: new Set(), functions: new Set() },
};

test.each<[string, Partial<ProviderSigns>]>([
  ["generic", {}],
  ["generic", { extensions: new Set(["timescaledb"]) }],
  ["generic", { host: "neon.tech.evil.example" }],
  ["aurora", { host: "x.cluster-ro-c1a2.eu-west-1.rds.amazonaws.com" }],
  ["aurora", { rds_extensions: "a, aurora_stat_utils", settings: new Set(["rds.extensions"]) }],
  ["aurora", { functions: new Set(["aurora_version"]), roles: new Set(["rds_superuser"]) }],
  ["rds", { host: "x.c1a2.eu-west-1.rds.amazonaws.com" }],
  ["rds", { settings: new Set(["rds.extensions"]), rds_extensions: "postgis" }],
  ["azure", { host: "x.postgres.database.azure.com" }],
  ["azure", { databases: new Set(["azure_maintenance"]) }],
  ["alloydb", { settings: new Set(["alloydb.iam_authentication", "cloudsql.iam_authentication"]) }],
  ["cloudsql", { roles: new Set(["cloudsqlsuperuser"]) }],
  ["neon", { host: "ep-x-pooler.eu-central-1.aws.neon.tech" }],
  ["supabase", { host: "db.abc.supabase.co" }],
  ["supabase", { extensions: new Set(["supabase_vault"]) }],
  ["crunchy", { host: "p.abc.db.postgresbridge.com" }],
  ["timescale", { host: "abc.x.tsdb.cloud.timescale.com" }],
  ["heroku", { host: "ec2-1.compute-1.amazonaws.com", database: "d1abcdefghijklm" }],
  ["heroku", { schemas: new Set(["heroku_ext"]), settings: new Set(["rds.extensions"]) }],
  ["aiven", { host: "pg-x.aivencloud.com" }],
  ["aiven", { roles: new Set(["avnadmin"]) }],
  ["digitalocean", { host: "db-x.b.db.ondigitalocean.com" }],
  ["tembo", { host: "x.data-1.use1.tembo.io" }],
  ["planetscale", { host: "x.pg.psdb.cloud" }],
])("provider %s", (provider, signs) => {
  const found = detectProvider({ ...NOTHING, ...signs });
  expect(found.provider).toBe(provider);
  expect(Object.keys(found.evidence).length > 0).toBe(provider !== "generic");
  expect(found.pooler).toBe(signs.host?.includes("-pooler") ?? false);
});

test("the busiest since the last reading are chosen, and those asked for whatever they did", () => {
  const row = (
    key: string,
    calls: number,
    total_ms: number,
    stats_since: string | null = null,
  ) => ({
    ...{ key, hash: key, calls, total_ms, row: { stats_since } },
  });
  const last = {
    at: "2026-01-01 10:00:00+00",
    numbers: new Map([
      ["old", { calls: 1_000, total_ms: 9_000 }],
      ["many", { calls: 10, total_ms: 1 }],
      ["still", { calls: 5, total_ms: 5 }],
      ["again", { calls: 90, total_ms: 90 }],
    ]),
  };
  const rows = [
    row("old", 1_001, 9_001),
    row("many", 500_010, 2),
    row("still", 5, 5),
    row("again", 3, 50, "2026-01-01 10:00:30+00"),
    row("fresh", 1, 70),
  ];
  const chosen = (limit: number, wanted: string[] = []) =>
    chooseStatements(rows, last, new Set(wanted), limit).sent;
  expect(chosen(10).map(({ key }) => key)).toEqual(["fresh", "again", "old", "many"]);
  expect(chosen(2).map(({ key }) => key)).toEqual(["fresh", "again"]);
  expect(chosen(3).map(({ key }) => key)).toEqual(["fresh", "again", "old"]);
  expect(chosen(4, ["still"]).map(({ key }) => key)).toContain("still");
  expect(chosen(10).map(({ new_entry }) => new_entry)).toEqual([true, true, false, false]);
  expect(chooseStatements(rows, undefined, new Set(), 1).sent[0]).toMatchObject({
    ...{ key: "old", new_entry: null },
  });
});

test("what is printed for an administrator quotes names, and asks for no table", () => {
  expect(printGrants('a"b', ["x"])).toContain('grant connect on database "x" to "a""b";');
  expect(printGrants()).not.toMatch(/select on/i);
  expect(printHelperSql("r")).toContain('to "r";');
  expect(printHelperSql()).not.toMatch(/most_common|histogram_bounds|stavalues/);
});
