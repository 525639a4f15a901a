import { expect, test } from "vitest";
import { addressOf } from "./address.ts";
import { quotedAccount } from "./failure.ts";
import { printMysqlGrants } from "./grants.ts";
import { metadataWaits } from "./lock-waits.ts";
import { detectProvider, type ProviderSigns } from "./provider.ts";
import { defaultOf } from "./schema-tables.ts";
import { instant } from "./times.ts";
import { versionNumber } from "./version.ts";

test("addresses: defaults, escapes, sockets; what is none is said without the password", () => {
  expect(addressOf("mysql://u@h")).toEqual({
    ...{ host: "h", port: 3306, socket: null, database: null, user: "u", password: "" },
  });
  expect(addressOf("mariadb://a%40b:p%2Fw@[::1]:3307/s%20p")).toMatchObject({
    ...{ host: "::1", port: 3307, user: "a@b", password: "p/w", database: "s p" },
  });
  expect(addressOf("mysql://u:p@localhost/shop?socket=/run/mysqld/mysqld.sock")).toMatchObject({
    ...{ socket: "/run/mysqld/mysqld.sock", database: "shop" },
  });
  for (const url of [
    ...["mysql://u:hunter2@a,b/d", "mysql://:hunter2@h/d", "mysql://u:hunter2%@h/d"],
    ...["mysql://u:hunter2@h:0/d", "postgres://u:hunter2@h/d", "hunter2"],
  ]) {
    expect(() => addressOf(url)).toThrow(/DATABASE_URL/);
    expect(() => addressOf(url)).not.toThrow(/hunter2/);
  }
});

test("versions are numbers that compare", () => {
  expect(versionNumber("8.0.36-0ubuntu0.22.04.1")).toBe(80_036);
  expect(versionNumber("5.7.44-log")).toBe(50_744);
  expect(versionNumber("5.5.5-10.11.6-MariaDB-0+deb12u1")).toBe(101_106);
  expect(versionNumber("11.4.2-MariaDB")).toBe(110_402);
});

test("times have microseconds; none is none", () => {
  expect(instant("1795290975")).toBe("2026-11-21T19:56:15.000000Z");
  expect(instant("1795290975.5")).toBe("2026-11-21T19:56:15.500000Z");
  expect([instant(null), instant("0"), instant("x")]).toEqual([null, null, null]);
});

test("providers by their signs, with no host in the evidence", () => {
  const of = (signs: Partial<ProviderSigns>) =>
    detectProvider({ host: "db", variables: new Set(), comment: "", basedir: "/usr/", ...signs });
  expect(of({})).toEqual({ provider: "generic", evidence: {} });
  const host = "customer.cluster-abc123.eu-west-1.rds.amazonaws.com";
  expect(of({ host }).provider).toBe("aurora");
  expect(JSON.stringify(of({ host }))).not.toContain("customer");
  expect(of({ variables: new Set(["aurora_version"]), basedir: "/rdsdbbin/oscar/" }).provider).toBe(
    "aurora",
  );
  expect(of({ basedir: "/rdsdbbin/mysql/" }).provider).toBe("rds");
  expect(of({ comment: "Source distribution (Google)" }).provider).toBe("cloudsql");
  expect(of({ host: "x.mysql.database.azure.com" }).provider).toBe("azure");
});

const lock = (pid: number, mode: string, status = "GRANTED", relation = "orders") => ({
  ...{ pid: String(pid), kind: "TABLE", schema: "shop", relation, mode, status },
});

test("a change of a table waits for its readers, and who comes later for the change", () => {
  const waits = metadataWaits([
    lock(1, "SHARED_READ"),
    lock(2, "SHARED_WRITE"),
    lock(9, "SHARED_READ", "GRANTED", "parts"),
    lock(3, "SHARED_UPGRADABLE"),
    lock(3, "EXCLUSIVE", "PENDING"),
    lock(4, "SHARED_READ", "PENDING"),
    lock(5, "SHARED_READ_ONLY", "PENDING"),
  ]);
  const blockers = [...waits].map(([pid, { blocked_by }]) => [pid, [...blocked_by]]);
  expect(blockers).toEqual([
    [3, [1, 2]],
    [4, [3]],
    [5, [2]],
  ]);
  expect(waits.get(4)?.waits_for).toEqual({
    ...{ lock_type: "metadata of a table", mode: "SHARED_READ", since: null },
    ...{ schema: "shop", relation: "orders" },
  });
});

test("of thousands that wait for one table, each knows who stands in its way, and nobody waits for himself", () => {
  const readers = Array.from({ length: 3_000 }, (_, at) => lock(100 + at, "SHARED_READ"));
  const waiters = readers.map(({ pid }) => lock(Number(pid), "EXCLUSIVE", "PENDING"));
  const alone = lock(7, "SHARED_READ", "GRANTED", "parts");
  const upgrade = lock(7, "EXCLUSIVE", "PENDING", "parts");
  const waits = metadataWaits([...readers, ...waiters, alone, upgrade]);
  expect(waits.size).toBe(3_001);
  expect(waits.get(7)?.blocked_by).toEqual(new Set());
  const own = waits.get(100)?.blocked_by ?? new Set();
  expect(own.size).toBe(1_000);
  expect([...own].slice(0, 3)).toEqual([101, 102, 103]);
  expect(waits.get(3_099)?.blocked_by.has(3_099)).toBe(false);
});

test("defaults without literals: MariaDB quotes them, MySQL writes them bare", () => {
  expect(defaultOf("mariadb", "'now canary'", "")).toBe("?");
  expect(defaultOf("mariadb", "0.5", "")).toBe("?");
  expect(defaultOf("mariadb", "current_timestamp()", "")).toBe("current_timestamp()");
  expect(defaultOf("mariadb", "NULL", "")).toBeNull();
  expect(defaultOf("mysql", "now canary", "")).toBe("?");
  expect(defaultOf("mysql", "CURRENT_TIMESTAMP", "")).toBe("current_timestamp");
  expect(defaultOf("mysql", "CURRENT_TIMESTAMP(6)", "")).toBe("current_timestamp(6)");
  expect(defaultOf("mysql", "uuid()", "default_generated")).toBe("uuid()");
  const escaped = defaultOf("mysql", "concat(_utf8mb4\\'canary\\',1)", "default_generated");
  expect(escaped).toMatch(/^<unparsable [0-9a-f]{32}>$/);
});

test("accounts are quoted, and the printed rights reach no row", () => {
  expect(quotedAccount("o'neil@10.%")).toBe("'o''neil'@'10.%'");
  const granted = [...printMysqlGrants("'a'@'%'").matchAll(/^grant (.*) to 'a'@'%';/gm)];
  expect(granted.map(([, right]) => right)).toEqual([
    "process, references on *.*",
    "select on performance_schema.*",
    "select on mysql.innodb_index_stats",
    "replication client on *.*",
  ]);
});
