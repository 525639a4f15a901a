import { t } from "../i18n/language.ts";
import type { Buffers, PlanNode } from "../plan/tree.ts";
import { formatBytes } from "./bytes.ts";
import { formatCount, formatDecimal, formatEstimate } from "./count.ts";
import { formatDuration } from "./duration.ts";

/** From this factor on, the planner's expectation is worth a look. */
export const WORTH_A_WARNING = 10;
/** PostgreSQL's usual block, in bytes. */
const BLOCK = 8192;

type Fact = { name: string; value: string; title?: string };

/** `40× too few rows`. */
export function misestimateWords(off: NonNullable<PlanNode["misestimate"]>): string {
  const factor = off.factor < 100 ? Math.round(off.factor * 10) / 10 : Math.round(off.factor);
  const words = { factor: formatEstimate(factor) };
  return off.way === "too_few"
    ? t("{factor}× too few rows", words)
    : t("{factor}× too many rows", words);
}

/** Expected and actual rows of a step, exact, for a hover. */
export function rowsWords(node: PlanNode): string {
  const { planned, actual, total } = node.rows;
  if (node.skipped)
    return t("Never executed; {n} row were expected | Never executed; {n} rows were expected", {
      n: planned,
    });
  if (actual === null || total === null)
    return t("{n} row expected | {n} rows expected", { n: planned });
  const counts = { n: planned, actual, total };
  if (node.loops === null || node.loops === 1)
    return t(
      "{n} row expected, {actual} came; {total} in all | {n} rows expected, {actual} came; {total} in all",
      counts,
    );
  return t(
    "{n} row expected, {actual} came for each of {loops} loops; {total} in all | {n} rows expected, {actual} came for each of {loops} loops; {total} in all",
    { ...counts, loops: node.loops },
  );
}

export function shareWords(node: PlanNode, analyzed: boolean): string {
  const percent = formatDecimal(node.share * 100, 1);
  const share = analyzed
    ? t("{percent} % of the statement’s time is this step’s own", { percent })
    : t("{percent} % of the statement’s cost is this step’s own", { percent });
  return node.time === null
    ? share
    : t("{time}: {share}", { time: formatDuration(node.time.self), share });
}

/** What the engine counted for a step: time, rows, loops, cost. */
export function nodeNumbers(node: PlanNode): Fact[] {
  const { rows, time, cost, loops } = node;
  return [
    ...(time === null
      ? []
      : [
          {
            name: t("Own time"),
            value: formatDuration(time.self),
            title: `${time.self} ms`,
          },
          {
            name: t("With its inputs"),
            value: formatDuration(time.total),
            title: `${time.total} ms`,
          },
        ]),
    { name: t("Rows expected"), value: formatCount(rows.planned) },
    ...(rows.actual === null
      ? []
      : [{ name: t("Rows that came"), value: formatCount(rows.actual) }]),
    ...(loops === null || loops <= 1
      ? []
      : [
          { name: t("Loops"), value: formatCount(loops) },
          { name: t("Rows of all loops"), value: formatCount(rows.total ?? 0) },
        ]),
    { name: t("Row width"), value: `${rows.width} B` },
    {
      name: t("Cost"),
      value: `${cost.startup} … ${cost.total}`,
      title: t("Until the first row … until the last"),
    },
  ];
}

/** Blocks that a step with its inputs touched; kinds that were not needed are left out. */
export function bufferWords(buffers: Buffers | null): Fact[] {
  if (buffers === null) return [];
  const names: [keyof Buffers, string][] = [
    ["hit", t("From memory")],
    ["read", t("Read from disk")],
    ["dirtied", t("Changed in memory")],
    ["written", t("Written")],
    ["temp_read", t("Temporary files read")],
    ["temp_written", t("Temporary files written")],
  ];
  return names
    .filter(([kind]) => buffers[kind] > 0)
    .map(([kind, name]) => ({
      name,
      value: formatBytes(buffers[kind] * BLOCK),
      title: t("{n} block | {n} blocks", { n: buffers[kind] }),
    }));
}
