import { expect, test } from "vitest";
import { windowAt } from "../relations/window.ts";
import { editorQuery } from "./editor-sql.ts";
import { hypotheses, treeOf } from "./plans.ts";
import {
  callTime,
  changeOf,
  ioBlocks,
  isNew,
  regressionWords,
  statementLine,
} from "./statement-words.ts";
import { statementOrder } from "./statements.ts";

test("parameters of a normalised statement become fields, those in strings and names do not", () => {
  const { sql, params } = editorQuery(
    `select '$1', "$2", a$3 from orders o where o.customer_id = $1 and created_at >= $2 and state in ($4, $5 /*, ... */) -- $9
     and total between $6::numeric and $1 limit $3`,
  );
  expect(sql).toContain(`select '$1', "$2", a$3 from orders o where o.customer_id = {{ p1 }}`);
  expect(sql).toContain("in ({{ p4 }}, {{ p5 }} /*, ... */) -- $9");
  expect(sql).toContain("between {{ p6 }}::numeric and {{ p1 }} limit {{ p3 }}");
  expect(Object.fromEntries(params.map(({ name, type }) => [name, type]))).toEqual({
    ...{ p1: "int8", p2: "timestamptz", p4: "text", p5: "text", p6: "text", p3: "int8" },
  });
  expect(editorQuery("select 1")).toEqual({ sql: "select 1", params: [] });
});

test("a change needs both means; slower needs enough calls as well", () => {
  const of = (calls: number, mean_time_ms: number | null, mean_time_before_ms: number | null) =>
    changeOf({ calls, mean_time_ms, mean_time_before_ms });
  expect(of(100, 30, 10)).toEqual({ ratio: 3, slower: true, faster: false });
  expect(of(29, 30, 10)).toMatchObject({ slower: false });
  expect(of(100, 5, 10)).toMatchObject({ slower: false, faster: true });
  expect([of(100, 3, null), of(0, null, 3), of(100, 3, 0)]).toEqual([null, null, null]);
});

test("what got slower is told by its blocks and rows", () => {
  const words = (blocks: number | null, rows: number | null) =>
    regressionWords({
      ...{ ratio: 3.28, mean_before_ms: 4.6, mean_now_ms: 15.2 },
      ...{ blocks_per_call_ratio: blocks, rows_per_call_ratio: rows },
    });
  expect(words(1, 1).what).toBe(
    "A call takes 15 ms, 3.3 times the 4.6 ms of the same time a week before.",
  );
  expect(words(1, 1).why).toMatch(/waits/);
  expect(words(40, 1).why).toMatch(/another plan/);
  expect(words(4, 4).why).toMatch(/the data grew/);
  expect(words(null, null).why).toMatch(/not known/);
});

test("an order that an address makes up is the first one", () => {
  expect([null, "size", "io"].map(statementOrder)).toEqual(["time", "time", "io"]);
});

test("new is what came in the range, where it was watched before", () => {
  const [before, from, later] = [
    "2026-03-01T00:00:00Z",
    "2026-03-02T00:00:00Z",
    "2026-03-03T00:00:00Z",
  ];
  expect(isNew({ first_seen_at: later }, from, before)).toBe(true);
  expect(isNew({ first_seen_at: before }, from, before)).toBe(false);
  expect(isNew({ first_seen_at: later }, from, from)).toBe(false);
});

test("what is not known is neither 0 nor empty", () => {
  expect(ioBlocks({ shared_blks_read: null, shared_blks_dirtied: null })).toBeNull();
  expect(ioBlocks({ shared_blks_read: 3, shared_blks_dirtied: null })).toBe(3);
  expect([callTime(null), callTime(3.58), callTime(0.21), callTime(312)]).toEqual([
    ...["–", "3.6 ms", "0.2 ms", "312 ms"],
  ]);
  expect(statementLine({ query: null, text_state: "truncated", query_hash: "ab12" })).toBe(
    "The server cut this text, so it is not sent (ab12)",
  );
  expect(statementLine({ query: "select\n 1", text_state: null, query_hash: "a" })).toBe(
    "select 1",
  );
});

test("a stored plan is a tree, and indexes that do not exist are compared with the plan they were tried on", () => {
  const times = { first_seen_at: "2026-03-01T00:00:00Z", last_seen_at: "2026-03-01T00:00:00Z" };
  const plan = {
    ...{ plan_hash: "a", plan: { "Node Type": "Seq Scan", "Total Cost": 90 }, total_cost: 90 },
    ...{ hypothetical: [], ...times },
  };
  expect(treeOf(plan).root?.title).toBe("Seq Scan");
  const tried = [
    { definition: "b", total_cost: 81 },
    { definition: "a", total_cost: 9 },
  ];
  const before = { ...plan, plan_hash: "b", total_cost: 90, hypothetical: tried };
  expect(hypotheses([plan, before])).toEqual([
    { definition: "a", cost: 9, now: 90, saved: 0.9 },
    { definition: "b", cost: 81, now: 90, saved: expect.closeTo(0.1) },
  ]);
  expect(hypotheses([plan])).toEqual([]);
});

test("a window holds what is looked at and something on both sides", () => {
  for (let first = 0; first < 1_000; first += 1) {
    const start = windowAt(first);
    expect(start).toBeLessThanOrEqual(first);
    expect(start + 250).toBeGreaterThanOrEqual(first + 100);
    if (first >= 150) expect(start).toBeLessThanOrEqual(first - 50);
  }
});
