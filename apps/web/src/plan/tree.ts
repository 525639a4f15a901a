import { t } from "../i18n/language.ts";
/** Plans as PostgreSQL's `EXPLAIN (format json)` gives them, as trees that a page can draw. */
import { isJson, type Json, listOf, numberOf, textOf } from "./json.ts";
import { factsOf, roleOf, targetOf, titleOf } from "./node-words.ts";

export type Buffers = {
  hit: number;
  read: number;
  dirtied: number;
  written: number;
  temp_read: number;
  temp_written: number;
};

export type PlanNode = {
  /** Its place in the tree: `0`, `0.1`, `0.1.0`. */
  id: string;
  depth: number;
  /** `Hash Join`, `Parallel Seq Scan`. */
  title: string;
  /** What it reads: `flights.flights f`, `index flights_date_idx on flights.flights`. */
  on: string | null;
  /** What it is to its parent when that is no plain input: `InitPlan 1`, `CTE monthly`. */
  role: string | null;
  /** Of the whole node, its inputs included; the planner's own unit. */
  cost: { startup: number; total: number };
  /** Rows for one loop, as the planner counts; `actual` and `total` (all loops) only when executed. */
  rows: { planned: number; actual: number | null; total: number | null; width: number };
  loops: number | null;
  /** Milliseconds by the wall clock; null when it was not executed. */
  time: { total: number; self: number } | null;
  /** Its own part of the statement, 0 to 1: of the time, or of the cost when it was not executed. */
  share: number;
  /** The statement ran, but this was never asked for rows. */
  skipped: boolean;
  /** How far the planner was off: 40 with `too_few` means 40 times more rows came than it expected. */
  misestimate: { factor: number; way: "too_few" | "too_many" } | null;
  buffers: Buffers | null;
  /** Conditions, keys, sort methods and the like, in the plan's order. */
  facts: { name: string; value: string }[];
  children: PlanNode[];
};

export type StatementPlan = {
  root: PlanNode | null;
  /** Why there is no plan, when there is none. */
  reason: string | null;
  analyzed: boolean;
  planning_ms: number | null;
  execution_ms: number | null;
  triggers: { name: string; ms: number; calls: number }[];
  raw: unknown;
};

/** The plans of an explain run, one for each statement: `plan` is an array of `EXPLAIN (format json)` results. */
export function readPlans(plan: unknown): StatementPlan[] {
  const elements = Array.isArray(plan) ? plan : plan == null ? [] : [plan];
  return elements.map(readStatementPlan);
}

function readStatementPlan(raw: unknown): StatementPlan {
  const document = Array.isArray(raw) ? raw[0] : raw;
  const given = isJson(document) ? document : {};
  const top = isJson(given.Plan) ? given.Plan : null;
  const analyzed = top !== null && "Actual Loops" in top;
  const base = {
    analyzed,
    planning_ms: numberOf(given["Planning Time"]),
    execution_ms: numberOf(given["Execution Time"]),
    triggers: listOf(given.Triggers).map((each) => ({
      name: textOf(each["Trigger Name"]) ?? textOf(each["Constraint Name"]) ?? "trigger",
      ms: numberOf(each.Time) ?? 0,
      calls: numberOf(each.Calls) ?? 0,
    })),
    raw,
  };
  if (top === null) return { ...base, root: null, reason: reasonOf(document) };
  const root = readNode(top, { id: "0", depth: 0, workers: 1, analyzed, limited: false });
  const whole = analyzed ? (root.time?.total ?? 0) : root.cost.total;
  setShares(root, whole, analyzed);
  return { ...base, root, reason: null };
}

function reasonOf(document: unknown): string {
  if (document === "Utility Statement")
    return t("PostgreSQL has no plan for a statement of this kind.");
  if (isJson(document)) {
    const said = textOf(document.reason) ?? textOf(document.message) ?? textOf(document.error);
    if (said !== null) return said;
  }
  return t("This statement has no plan.");
}

type Place = {
  id: string;
  depth: number;
  workers: number;
  analyzed: boolean;
  /** A Limit above may stop it early: that fewer rows came than expected then means nothing. */
  limited: boolean;
};

/** Steps that read all of their input before the first row goes on, whatever a Limit above does. */
const READS_ALL = /^(Sort|Incremental Sort|Aggregate|Hash|WindowAgg|SetOp|ModifyTable)$/;

function readNode(node: Json, place: Place): PlanNode {
  const loops = numberOf(node["Actual Loops"]);
  const launched = numberOf(node["Workers Launched"]);
  // Below a Gather every process loops on its own: by the wall clock they share the time.
  const workers = launched === null ? place.workers : launched + 1;
  const type = textOf(node["Node Type"]) ?? "";
  const limited = type === "Limit" || (place.limited && !READS_ALL.test(type));
  const children = listOf(node.Plans).map((child, index) =>
    readNode(child, {
      ...place,
      id: `${place.id}.${index}`,
      depth: place.depth + 1,
      workers,
      limited,
    }),
  );
  const planned = numberOf(node["Plan Rows"]) ?? 0;
  const actual = numberOf(node["Actual Rows"]);
  const ran = loops !== null && loops > 0;
  return {
    id: place.id,
    depth: place.depth,
    title: titleOf(node),
    on: targetOf(node),
    role: roleOf(node),
    cost: {
      startup: numberOf(node["Startup Cost"]) ?? 0,
      total: numberOf(node["Total Cost"]) ?? 0,
    },
    rows: {
      planned,
      actual,
      total: actual === null || loops === null ? null : Math.round(actual * loops),
      width: numberOf(node["Plan Width"]) ?? 0,
    },
    loops,
    time: ran ? timeOf(node, loops, place.workers, children) : null,
    share: 0,
    skipped: place.analyzed && loops === 0,
    misestimate: ran && actual !== null ? misestimateOf(planned, actual, place.limited) : null,
    buffers: buffersOf(node),
    facts: factsOf(node),
    children,
  };
}

function timeOf(node: Json, loops: number, workers: number, children: PlanNode[]) {
  const each = numberOf(node["Actual Total Time"]);
  if (each === null) return null;
  const total = (each * loops) / Math.max(1, Math.min(workers, loops));
  const below = children.reduce((sum, child) => sum + (child.time?.total ?? 0), 0);
  return { total, self: Math.max(0, total - below) };
}

/** Counts below one row are one row: the planner never expects less. */
function misestimateOf(planned: number, actual: number, limited: boolean): PlanNode["misestimate"] {
  const [expected, came] = [Math.max(1, planned), Math.max(1, actual)];
  if (limited && came < expected) return null;
  const factor = expected > came ? expected / came : came / expected;
  return { factor, way: came >= expected ? "too_few" : "too_many" };
}

function setShares(node: PlanNode, whole: number, analyzed: boolean): void {
  const below = node.children.reduce((sum, child) => sum + child.cost.total, 0);
  const own = analyzed ? (node.time?.self ?? 0) : Math.max(0, node.cost.total - below);
  node.share = whole > 0 ? Math.min(1, own / whole) : 0;
  for (const child of node.children) setShares(child, whole, analyzed);
}

function buffersOf(node: Json): Buffers | null {
  if (numberOf(node["Shared Hit Blocks"]) === null) return null;
  const sum = (kind: string) =>
    (numberOf(node[`Shared ${kind} Blocks`]) ?? 0) + (numberOf(node[`Local ${kind} Blocks`]) ?? 0);
  return {
    hit: sum("Hit"),
    read: sum("Read"),
    dirtied: sum("Dirtied"),
    written: sum("Written"),
    temp_read: numberOf(node["Temp Read Blocks"]) ?? 0,
    temp_written: numberOf(node["Temp Written Blocks"]) ?? 0,
  };
}

/** Every node of a tree in reading order, without what is below the nodes whose id `isFolded`. */
export function visibleNodes(root: PlanNode, isFolded: (id: string) => boolean): PlanNode[] {
  const below = isFolded(root.id) ? [] : root.children;
  return [root, ...below.flatMap((child) => visibleNodes(child, isFolded))];
}
