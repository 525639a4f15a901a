import fc from "fast-check";
import { expect, test } from "vitest";
import type { Session } from "../agent/activity.ts";
import { blockingNodes, blockingTrees } from "./blocking-tree.ts";

const AT = new Date("2026-03-01T10:00:00Z");

function session(pid: number, blocked_by: number[], more: Partial<Session> = {}): Session {
  return {
    ...{ pid, backend_type: "client backend", database: "shop", user_name: "app" },
    ...{ application: null, state: "active", wait_event_type: null, wait_event: null },
    ...{ query_hash: null, fingerprint: null, kind: "select", backend_start: null },
    ...{ xact_start: null, query_start: null, state_change: null, xid_age: null, xmin_age: null },
    ...(blocked_by.length === 0 ? {} : { blocked_by }),
    ...more,
  };
}
const waiting = (mode: string, since: string | null) => ({
  waits_for: { lock_type: "relation", mode, schema: "public", relation: "orders", since },
});

test("a change of a table behind a reader holds all later readers up", () => {
  const trees = blockingTrees(
    [
      session(1, [], { state: "idle in transaction" }),
      session(2, [1], {
        kind: "alter table",
        ...waiting("AccessExclusiveLock", "2026-03-01T09:59:00.5Z"),
      }),
      session(3, [2], waiting("AccessShareLock", "2026-03-01T09:59:30Z")),
      session(4, [2], { query_start: "2026-03-01T09:58:00Z", ...waiting("AccessShareLock", null) }),
      session(9, []),
    ],
    AT,
  );
  expect(trees).toHaveLength(1);
  expect(trees[0]).toMatchObject({
    ...{ reason: "ddl_queue", waiters: 3, depth: 2, longest_wait_s: 120 },
    ddl: { pid: 2, waited_s: 59.5, wait_exact: true },
  });
  expect(blockingNodes(trees[0]!).map(({ pid, depth }) => [pid, depth])).toEqual([
    [1, 0],
    [2, 1],
    [3, 2],
    [4, 2],
  ]);
  expect(trees[0]!.ddl!.children[1]).toMatchObject({ pid: 4, waited_s: 120, wait_exact: false });
});

test("what the root is says why it blocks; a prepared transaction has no process", () => {
  const reason = (root: Session[], by: number) =>
    blockingTrees([...root, session(50, [by])], AT)[0]?.reason;
  expect(reason([session(1, [], { state: "idle in transaction (aborted)" })], 1)).toBe(
    "idle_in_transaction",
  );
  expect(reason([session(1, [])], 1)).toBe("active");
  expect(reason([], 0)).toBe("prepared");
  expect(reason([], 77)).toBe("unknown");
  expect(blockingTrees([session(5, [5]), session(6, [])], AT)).toEqual([]);
});

test("one that waits for two roots is in both trees; those who wait in a circle have one", () => {
  const [first, second] = blockingTrees([session(3, [1, 2]), session(4, [3])], AT);
  expect([first!.root.pid, second!.root.pid]).toEqual([1, 2]);
  expect(first!.root.children[0]!.also_blocked_by).toEqual([2]);
  const [circle, ...others] = blockingTrees(
    [session(7, [8]), session(8, [9]), session(9, [7]), session(5, [7])],
    AT,
  );
  expect(others).toEqual([]);
  expect(circle).toMatchObject({ reason: "cycle", root: { pid: 7 }, waiters: 3 });
});

const graph = fc.uniqueArray(
  fc.record({
    pid: fc.integer({ min: 1, max: 12 }),
    blocked_by: fc.array(fc.integer({ min: 0, max: 14 }), { maxLength: 4 }),
  }),
  { selector: ({ pid }) => pid, maxLength: 12 },
);

test("whatever waits for whatever: trees end, and each that waits is placed where it waits", () => {
  fc.assert(
    fc.property(graph, (rows) => {
      const trees = blockingTrees(
        rows.map(({ pid, blocked_by }) => session(pid, blocked_by)),
        AT,
      );
      const waiters = rows.filter(({ pid, blocked_by }) => blocked_by.some((each) => each !== pid));
      const placed = new Set<number>();
      for (const tree of trees) {
        const nodes = blockingNodes(tree);
        const pids = nodes.map(({ pid }) => pid);
        expect(new Set(pids).size).toBe(pids.length);
        expect(tree.waiters).toBe(nodes.length - 1);
        expect(waiters.some(({ pid }) => pid === tree.root.pid)).toBe(tree.reason === "cycle");
        for (const node of nodes) {
          placed.add(node.pid);
          for (const child of node.children) {
            expect(child.depth).toBe(node.depth + 1);
            const { blocked_by } = rows.find(({ pid }) => pid === child.pid)!;
            expect(blocked_by).toContain(node.pid);
            expect([...child.also_blocked_by, node.pid].sort()).toEqual(
              [...new Set(blocked_by.filter((each) => each !== child.pid))].sort(),
            );
          }
        }
      }
      for (const { pid } of waiters) expect(placed).toContain(pid);
    }),
    { numRuns: 500 },
  );
});

test("behind hundreds of readers that hold one change up stands the same, which is looked through once", () => {
  const readers = Array.from({ length: 300 }, (_, n) => session(1 + n, []));
  const pids = readers.map(({ pid }) => pid);
  const change = session(1_000, pids, { kind: "alter table" });
  const queue = Array.from({ length: 300 }, (_, n) => session(2_000 + n, [1_000]));
  const trees = blockingTrees([...readers, change, ...queue], AT);
  expect(trees.map(({ root }) => root.pid)).toEqual(pids);
  for (const tree of trees) {
    const [ddl] = tree.root.children;
    expect(tree).toMatchObject({ reason: "ddl_queue", waiters: 301, depth: 2 });
    expect(tree.ddl).toBe(ddl);
    expect(ddl!.also_blocked_by).toEqual(pids.filter((pid) => pid !== tree.root.pid));
    expect(ddl!.children).toBe(trees[0]!.ddl!.children);
  }
});
