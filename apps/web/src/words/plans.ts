import type { Buffers, PlanNode } from "../plan/tree.ts";
import { formatBytes } from "./bytes.ts";
import { countOf, formatCount, formatEstimate } from "./count.ts";
import { formatDuration } from "./duration.ts";

/** From this factor on, the planner's expectation is worth a look. */
export const WORTH_A_WARNING = 10;
/** PostgreSQL's usual block, in bytes. */
const BLOCK = 8192;

type Fact = { name: string; value: string; title?: string };

/** `40× too few rows`. */
export function misestimateWords(off: NonNullable<PlanNode["misestimate"]>): string {
  const factor = off.factor < 100 ? Math.round(off.factor * 10) / 10 : Math.round(off.factor);
  return `${formatEstimate(factor)}× too ${off.way === "too_few" ? "few" : "many"} rows`;
}

/** Expected and actual rows of a step, exact, for a hover. */
export function rowsWords(node: PlanNode): string {
  const { planned, actual, total } = node.rows;
  if (node.skipped) return `Never executed; ${countOf(planned, "row")} were expected`;
  if (actual === null || total === null) return `${countOf(planned, "row")} expected`;
  const loops =
    node.loops === null || node.loops === 1 ? "" : ` for each of ${formatCount(node.loops)} loops`;
  return `${countOf(planned, "row")} expected, ${formatCount(actual)} came${loops}; ${formatCount(total)} in all`;
}

export function shareWords(node: PlanNode, analyzed: boolean): string {
  const percent = `${(node.share * 100).toFixed(1)} % of the statement’s ${analyzed ? "time" : "cost"} is this step’s own`;
  return node.time === null ? percent : `${formatDuration(node.time.self)}: ${percent}`;
}

/** What the engine counted for a step: time, rows, loops, cost. */
export function nodeNumbers(node: PlanNode): Fact[] {
  const { rows, time, cost, loops } = node;
  return [
    ...(time === null
      ? []
      : [
          { name: "Own time", value: formatDuration(time.self), title: `${time.self} ms` },
          { name: "With its inputs", value: formatDuration(time.total), title: `${time.total} ms` },
        ]),
    { name: "Rows expected", value: formatCount(rows.planned) },
    ...(rows.actual === null ? [] : [{ name: "Rows that came", value: formatCount(rows.actual) }]),
    ...(loops === null || loops <= 1
      ? []
      : [
          { name: "Loops", value: formatCount(loops) },
          { name: "Rows of all loops", value: formatCount(rows.total ?? 0) },
        ]),
    { name: "Row width", value: `${rows.width} B` },
    {
      name: "Cost",
      value: `${cost.startup} … ${cost.total}`,
      title: "Until the first row … until the last",
    },
  ];
}

/** Blocks that a step with its inputs touched; kinds that were not needed are left out. */
export function bufferWords(buffers: Buffers | null): Fact[] {
  if (buffers === null) return [];
  const names: [keyof Buffers, string][] = [
    ["hit", "From memory"],
    ["read", "Read from disk"],
    ["dirtied", "Changed in memory"],
    ["written", "Written"],
    ["temp_read", "Temporary files read"],
    ["temp_written", "Temporary files written"],
  ];
  return names
    .filter(([kind]) => buffers[kind] > 0)
    .map(([kind, name]) => ({
      name,
      value: formatBytes(buffers[kind] * BLOCK),
      title: countOf(buffers[kind], "block"),
    }));
}
