/**
 * Who waits for whom in one sample of sessions, as trees: at the top a session that waits for nobody, below it those that
 * wait for it. The page of sessions draws them, the advisor judges them.
 */
import type { Session } from "../agent/activity.ts";

export type BlockingNode = {
  /** 0 is a prepared transaction, which has no process. */
  pid: number;
  /** Null for a blocker that is not in the sample: prepared, or beyond the agent's limit. */
  session: Session | null;
  /** 0 at the root. */
  depth: number;
  /** How long it has waited in seconds; null for one that does not wait, or where no time is known. */
  waited_s: number | null;
  /** False: the server does not say when the wait began (before 14), so this is since the statement began. */
  wait_exact: boolean;
  /** Others that it waits for as well, besides the node above it. */
  also_blocked_by: number[];
  children: BlockingNode[];
};

/**
 * Why the root holds the others up. cycle: they wait for each other, and the server will end one of them.
 * ddl_queue: a change of a table waits for the root, and everybody who comes after queues behind that change.
 */
export type BlockingReason =
  | "cycle"
  | "ddl_queue"
  | "prepared"
  | "idle_in_transaction"
  | "active"
  | "unknown";

export type BlockingTree = {
  root: BlockingNode;
  reason: BlockingReason;
  /** The change that waits in the middle when `reason` is ddl_queue. */
  ddl: BlockingNode | null;
  /** Sessions below the root. */
  waiters: number;
  /** Levels below the root. */
  depth: number;
  longest_wait_s: number | null;
};

/**
 * The trees of `sessions`, sampled at `at`, the one with the most waiters first. A session that waits for several is placed
 * once in a tree, as near to the root as it can be; behind two roots it is in both trees.
 */
export function blockingTrees(sessions: readonly Session[], at: Date): BlockingTree[] {
  const byPid = new Map(sessions.map((session) => [session.pid, session]));
  const blockersOf = new Map<number, number[]>();
  const waitersOf = new Map<number, number[]>();
  for (const { pid, blocked_by } of byPid.values()) {
    const blockers = [...new Set(blocked_by ?? [])].filter((blocker) => blocker !== pid);
    if (blockers.length === 0) continue;
    blockersOf.set(pid, blockers);
    for (const blocker of blockers) {
      const known = waitersOf.get(blocker);
      if (known === undefined) waitersOf.set(blocker, [pid]);
      else known.push(pid);
    }
  }
  const seen = new Set<number>();
  const graph: Graph = { byPid, blockersOf, waitersOf, at, seen };
  const grow = (pid: number) => treeFrom(pid, graph);
  const roots = [...waitersOf.keys()].filter((pid) => !blockersOf.has(pid));
  // Hundreds of readers before one change of a table: what is below them is the same, and is looked through once.
  const grown = new Map<string, BlockingTree>();
  const trees = roots.map((pid) => {
    const key = waitersOf.get(pid)!.join();
    const like = grown.get(key);
    if (like !== undefined) return treeLike(like, pid, graph);
    const tree = grow(pid);
    grown.set(key, tree);
    return tree;
  });
  // What no root leads to waits in a circle.
  for (const pid of blockersOf.keys())
    if (!seen.has(pid)) trees.push(grow(onCycle(pid, blockersOf)));
  return trees.sort(
    (left, right) => right.waiters - left.waiters || left.root.pid - right.root.pid,
  );
}

/** The nodes of a tree from the root on, each followed by those below it. */
export function blockingNodes({ root }: BlockingTree): BlockingNode[] {
  const nodes: BlockingNode[] = [];
  const rest = [root];
  for (let node = rest.pop(); node !== undefined; node = rest.pop()) {
    nodes.push(node);
    rest.push(...[...node.children].reverse());
  }
  return nodes;
}

type Graph = {
  byPid: ReadonlyMap<number, Session>;
  blockersOf: ReadonlyMap<number, number[]>;
  waitersOf: ReadonlyMap<number, number[]>;
  at: Date;
  /** All that were placed in a tree. */
  seen: Set<number>;
};

function treeFrom(pid: number, graph: Graph): BlockingTree {
  const root = nodeOf(pid, 0, null, graph);
  const placed = new Set([pid]);
  const all = [root];
  // Level by level: the shortest way to each.
  for (const node of all) {
    for (const waiter of graph.waitersOf.get(node.pid) ?? []) {
      if (placed.has(waiter)) continue;
      placed.add(waiter);
      const child = nodeOf(waiter, node.depth + 1, node.pid, graph);
      node.children.push(child);
      all.push(child);
    }
  }
  for (const each of placed) graph.seen.add(each);
  const below = all.slice(1);
  const waits = all.flatMap(({ waited_s }) => (waited_s === null ? [] : [waited_s]));
  const ddl = below.find(isDdlInTheMiddle) ?? null;
  return {
    root,
    reason: reasonOf(root, ddl, graph.blockersOf.has(pid)),
    ddl,
    waiters: below.length,
    depth: Math.max(...all.map(({ depth }) => depth)),
    longest_wait_s: waits.length === 0 ? null : Math.max(...waits),
  };
}

/** The tree of another root that the very same sessions wait for; below those both share their nodes. */
function treeLike(like: BlockingTree, pid: number, graph: Graph): BlockingTree {
  const root = nodeOf(pid, 0, null, graph);
  const copies = new Map(
    like.root.children.map((child) => {
      const { also_blocked_by } = nodeOf(child.pid, 1, pid, graph);
      return [child, { ...child, also_blocked_by }] as const;
    }),
  );
  root.children = [...copies.values()];
  const ddl = like.ddl === null ? null : (copies.get(like.ddl) ?? like.ddl);
  return { ...like, root, ddl, reason: reasonOf(root, ddl, false) };
}

function nodeOf(pid: number, depth: number, above: number | null, graph: Graph): BlockingNode {
  const session = graph.byPid.get(pid) ?? null;
  const blockers = graph.blockersOf.get(pid) ?? [];
  const since = session?.waits_for?.since ?? null;
  const waits = blockers.length > 0;
  return {
    ...{ pid, session, depth },
    waited_s: waits ? secondsSince(since ?? session?.query_start ?? null, graph.at) : null,
    wait_exact: since !== null,
    also_blocked_by: blockers.filter((blocker) => blocker !== above),
    children: [],
  };
}

/** Clocks of server and sample are the same; a wait that began while the sample was taken is none yet. */
function secondsSince(time: string | null, at: Date): number | null {
  const since = time === null ? Number.NaN : Date.parse(time);
  return Number.isNaN(since) ? null : Math.max(0, (at.getTime() - since) / 1000);
}

const DDL =
  /^(alter|create|drop|truncate|reindex|cluster|refresh|vacuum full|comment|grant|lock)\b/;

function isDdlInTheMiddle({ session, children }: BlockingNode): boolean {
  if (children.length === 0 || session === null) return false;
  const { kind, waits_for } = session;
  return (
    DDL.test(kind ?? "") ||
    (waits_for?.lock_type === "relation" && waits_for.mode === "AccessExclusiveLock")
  );
}

function reasonOf(root: BlockingNode, ddl: BlockingNode | null, waits: boolean): BlockingReason {
  if (waits) return "cycle";
  if (ddl !== null) return "ddl_queue";
  if (root.pid === 0) return "prepared";
  const state = root.session?.state ?? "";
  if (state.startsWith("idle in transaction")) return "idle_in_transaction";
  return state === "active" ? "active" : "unknown";
}

/** The lowest of a circle that the chain of blockers above `pid` ends in. All of them wait. */
function onCycle(pid: number, blockersOf: ReadonlyMap<number, number[]>): number {
  const path = new Set<number>();
  let next = pid;
  while (!path.has(next)) {
    path.add(next);
    next = blockersOf.get(next)![0]!;
  }
  const all = [...path];
  return Math.min(...all.slice(all.indexOf(next)));
}
