import type { RunSummary } from "@quern/contract/runs";
import { expect, test } from "vitest";
import { type FilterKey, filtersOf, fitsStatus } from "./filters.ts";
import { mergeHead } from "./head.ts";
import { brushOf, bucketAt, rangeOf, shownRange } from "./histogram.ts";

const ID = "0199f000-0000-7000-8000-000000000001";
const read = (given: Partial<Record<FilterKey, string>>) => (key: FilterKey) => given[key] ?? null;

test("the address says which runs are shown; what makes no sense in it is left out", () => {
  expect(filtersOf(read({}), undefined)).toEqual({ derived: "false" });
  expect(filtersOf(read({ status: "done", datasource: "x", from: "soon" }), ID)).toEqual({
    derived: "false",
  });
  expect(
    filtersOf(read({ status: "failed", by: "me", query: ID, from: "2026-11-21T10:00:00Z" }), ID),
  ).toEqual({
    status: "failed",
    created_by: ID,
    query_id: ID,
    derived: "false",
    from: "2026-11-21T10:00:00.000Z",
  });
  expect(filtersOf(read({ kind: "explain" }), ID)).toEqual({ kind: "explain" });
  expect(filtersOf(read({ derived: "1" }), ID)).toEqual({});
  expect(fitsStatus({ status: "running" }, "succeeded")).toBe(false);
  expect(fitsStatus({}, "succeeded")).toBe(true);
});

const run = (id: string, rows = 0) => ({ id, rows }) as RunSummary;
const ids = (pages: { items: RunSummary[] }[]) =>
  pages.map(({ items }) => items.map(({ id }) => id));

test("new runs come before those that are shown, whose pages stay", () => {
  const pages = [
    { items: [run("e"), run("d")], next_cursor: "d", searched_to: null },
    { items: [run("c")], next_cursor: null, searched_to: null },
  ];
  const head = (items: RunSummary[]) => ({ items, next_cursor: "x", searched_to: null });
  expect(ids(mergeHead(pages, head([run("f"), run("e", 9)])))).toEqual([["f", "e", "d"], ["c"]]);
  expect(mergeHead(pages, head([run("f"), run("e", 9)]))[0]?.items[1]?.rows).toBe(9);
  expect(ids(mergeHead(pages, head([run("z"), run("y")])))).toEqual([["z", "y"]]);
  expect(ids(mergeHead([], head([run("a")])))).toEqual([["a"]]);
});

const HISTOGRAM = {
  from: "2026-11-21T10:00:00.000Z",
  to: "2026-11-21T12:00:00.000Z",
  bucket_ms: 3_600_000,
  buckets: ["2026-11-21T10:00:00.000Z", "2026-11-21T11:00:00.000Z"].map((at) => ({
    at,
    queued: 0,
    running: 0,
    succeeded: 1,
    failed: 0,
    canceled: 0,
  })),
};

test("a brush is a range of whole buckets, drawn in either direction", () => {
  expect([bucketAt(-5, 100, 10), bucketAt(55, 100, 10), bucketAt(400, 100, 10)]).toEqual([0, 5, 9]);
  const whole = { from: HISTOGRAM.from, to: HISTOGRAM.to };
  expect(rangeOf(HISTOGRAM, 0, 1)).toEqual(whole);
  expect(rangeOf(HISTOGRAM, 1, 0)).toEqual(whole);
  expect(rangeOf(HISTOGRAM, 1, 1).from).toBe("2026-11-21T11:00:00.000Z");
  expect(brushOf(HISTOGRAM, {})).toBeNull();
  expect(brushOf(HISTOGRAM, { from: "2026-11-21T11:00:00.000Z" })).toEqual({
    left: 0.5,
    width: 0.5,
  });
});

test("the shown time ends a little after now, and reaches back to a chosen range", () => {
  const now = Date.parse("2026-11-21T12:00:30.000Z");
  expect(shownRange("1h", {}, now)).toEqual({
    from: "2026-11-21T11:01:00.000Z",
    to: "2026-11-21T12:01:00.000Z",
  });
  expect(shownRange("1h", { from: "2026-11-20T00:00:00.000Z" }, now).from).toBe(
    "2026-11-20T00:00:00.000Z",
  );
});
