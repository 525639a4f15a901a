import type { SeriesAnswer } from "@quern/contract/health/ranges";
import type { Setting } from "@quern/contract/health/server";
import { describe, expect, test } from "vitest";
import { asCounts, checkpointsOf, grown, meanRate } from "./replication.ts";
import {
  changeTimes,
  settingAsWritten,
  settingBytes,
  settingDifferences,
  settingGroups,
  settingWords,
  valuesHeld,
} from "./settings.ts";
import { type Slot, slotAdvice, slotDanger } from "./slots.ts";
import {
  databaseAges,
  freezeAge,
  freezeLimits,
  holderAdvice,
  vacuumShare,
  wholePercent,
} from "./vacuum.ts";

describe("vacuum", () => {
  test("an age is fine, due, behind or in danger by the server's own limits", () => {
    const limits = freezeLimits([{ name: "autovacuum_freeze_max_age", value: "100000000" }]);
    expect(limits).toEqual({ xid: 100_000_000, mxid: 400_000_000, failsafe: 1_600_000_000 });
    const words = (age: number) => freezeAge(age, limits.xid, limits.failsafe).tone.words;
    expect([9e7, 1.05e8, 1.15e8, 1.3e8].map(words)).toEqual(["fine", "due", "behind", "in danger"]);
    const ages = databaseAges(
      [
        { name: "a", frozen_xid_age: 9e7, min_mxid_age: 0 },
        { name: "b", frozen_xid_age: 1e6, min_mxid_age: "390000000" },
      ],
      limits,
    );
    expect(ages.map(({ name }) => name)).toEqual(["b", "a"]);
  });

  test("progress is of the part that goes on, and unknown for an empty table", () => {
    const run = {
      ...{ pid: 1, database: null, schema: null, table: null, autovacuum: true, started_at: null },
      ...{ index_vacuum_count: 0, delay_time_ms: null, phase: "scanning heap" },
      ...{ heap_blks_total: "100", heap_blks_scanned: "40", heap_blks_vacuumed: "10" },
    };
    expect(vacuumShare(run)).toBe(0.4);
    expect(vacuumShare({ ...run, phase: "vacuuming heap" })).toBe(0.1);
    expect(vacuumShare({ ...run, heap_blks_total: 0 })).toBeNull();
  });

  test("what is not done yet is not 100 %", () => {
    expect([0.4999, 0.999, 1].map(wholePercent)).toEqual(["49%", "99%", "100%"]);
  });

  test("each kind of holder has its own remedy", () => {
    const holder = (type: "backend" | "slot" | "standby", name: string | null) =>
      holderAdvice(
        { type, name, database: null, user_name: null, age_xids: 1, since: null },
        "postgres",
      ).sql;
    expect(holder("backend", "4101")).toBe("select pg_terminate_backend(4101);");
    expect(holder("backend", "4101); drop")).toBeNull();
    expect(holder("slot", "it's")).toBe("select pg_drop_replication_slot('it''s');");
    expect(holder("standby", "r1")).toBeNull();
  });
});

describe("replication", () => {
  const slot = (more: Partial<Slot>): Slot => ({
    ...{ name: "s", type: "logical", plugin: null, database: null, active: true, temporary: false },
    ...{ retained_bytes: 1_000, wal_status: "reserved", safe_wal_bytes: null, xmin_age: null },
    ...{ catalog_xmin_age: null, inactive_since: null, invalidation_reason: null },
    ...{ conflicting: null, ...more },
  });
  const color = (more: Partial<Slot>, limit: number | null) =>
    slotDanger(slot(more), limit, null).tone.color;

  test("what a slot keeps is judged by the limit, where there is one", () => {
    expect(color({}, null)).toBe("success");
    expect(color({ retained_bytes: 11 * 1024 ** 3 }, null)).toBe("error");
    expect(color({ retained_bytes: 11 * 1024 ** 3 }, 100 * 1024 ** 3)).toBe("success");
    expect(color({ retained_bytes: 6_000 }, 10_000)).toBe("warning");
    expect(color({ retained_bytes: 9_000 }, 10_000)).toBe("error");
    expect(color({ wal_status: "lost" }, 10_000)).toBe("error");
    expect(slotAdvice(slot({ active: true })).sql).toBeNull();
    expect(slotAdvice(slot({ active: false })).sql).toContain("pg_drop_replication_slot");
    const soon = slotDanger(slot({ safe_wal_bytes: 7_200_000 }), 10_000_000, 1_000);
    expect(soon.words).toContain("2 h");
  });

  const answer: SeriesAnswer = {
    range: { from: "2026-03-01T10:00:00Z", to: "2026-03-01T10:03:00Z", resolution: "raw" },
    at: ["2026-03-01T10:01:00Z", "2026-03-01T10:02:00Z", "2026-03-01T10:03:00Z"],
    ...{ seconds: [60, 60, 60], marks: [] },
    series: [
      { name: "wal_bytes", unit: "bytes_per_second", values: [10, null, 30] },
      { name: "checkpoints_timed", unit: "per_second", values: [0.05, null, 0] },
      { name: "checkpoints_requested", unit: "per_second", values: [0, null, 1 / 60] },
      { name: "archived", unit: "per_second", values: [null, null, null] },
    ],
  };

  test("rates of a range are summed over what is known of it", () => {
    expect(grown(answer, "wal_bytes")).toBe(2_400);
    expect(meanRate(answer, "wal_bytes")).toBe(20);
    expect(grown(answer, "archived")).toBeNull();
    expect(asCounts(answer, ["checkpoints_timed"]).series).toEqual([
      { name: "checkpoints_timed", unit: "count", values: [3, null, 0] },
    ]);
    expect(asCounts(answer, ["checkpoints_timed"]).series).toEqual([
      { name: "checkpoints_timed", unit: "count", values: [3, null, 0] },
    ]);
    expect(checkpointsOf(answer)).toEqual({ timed: 3, requested: 1, share: 0.25 });
  });
});

describe("settings", () => {
  const setting = (name: string, more: Partial<Setting>): Setting => ({
    ...{ name, value: "on", unit: null, category: "A", source: null, default_value: "on" },
    ...{ pending_restart: false, context: null, changed_at: null },
    history: [{ value: "on", from_at: "2026-03-01T10:00:00Z", until_at: null }],
    ...more,
  });

  test("values with a unit are words, without losing what stands in the file", () => {
    const words = (value: string | null, unit: string | null) => settingWords({ value, unit });
    expect(words("1048576", "8kB")).toBe("8 GiB");
    expect(words("300000", "ms")).toBe("5 min");
    expect(words("-1", "kB")).toBe("-1");
    expect(words("0", "ms")).toBe("0");
    expect(words("0.2", null)).toBe("0.2");
    expect(words("18446744073709551615", null)).toBe("18,446,744,073,709,551,615");
    expect(words(null, null)).toBe("hidden");
    expect(settingBytes({ value: "-1", unit: "MB" })).toBe(-1);
    expect(settingAsWritten({ value: "1048576", unit: "8kB" })).toBe("1048576 × 8kB");
    expect(settingAsWritten({ value: "on", unit: null })).toBeNull();
  });

  const changed = setting("work_mem", {
    ...{ value: "16384", unit: "kB", default_value: "4096" },
    history: [
      { value: "16384", from_at: "2026-03-03T10:00:00Z", until_at: null },
      { value: "16384", from_at: "2026-03-02T10:00:00Z", until_at: "2026-03-03T10:00:00Z" },
      { value: "4096", from_at: "2026-03-01T10:00:00Z", until_at: "2026-03-02T10:00:00Z" },
    ],
  });

  test("a new source is no new value", () => {
    expect(valuesHeld(changed).map(({ value, from_at }) => [value, from_at.slice(8, 10)])).toEqual([
      ["16384", "02"],
      ["4096", "01"],
    ]);
    expect(changeTimes([changed, setting("jit", {})])).toEqual([
      { at: "2026-03-02T10:00:00Z", settings: ["work_mem"] },
    ]);
  });

  test("filters add up, and two times are compared", () => {
    const all = [changed, setting("jit", { pending_restart: true })];
    const names = (only: ("changed" | "not_default" | "pending_restart")[], search = "") =>
      settingGroups(all, { search, only }).flatMap(({ settings }) =>
        settings.map(({ name }) => name),
      );
    expect(names([])).toEqual(["work_mem", "jit"]);
    expect(names(["changed", "not_default"])).toEqual(["work_mem"]);
    expect(names(["changed", "pending_restart"])).toEqual([]);
    expect(names([], "work 16384")).toEqual(["work_mem"]);
    const at = (day: string) => Date.parse(`2026-03-${day}T12:00:00Z`);
    expect(settingDifferences(all, at("01"), at("04"))).toMatchObject([
      { before: "4096", after: "16384" },
    ]);
    expect(settingDifferences(all, at("02"), at("04"))).toEqual([]);
    expect(settingDifferences(all, at("01") - 86_400_000, at("04"))).toEqual([]);
  });
});
