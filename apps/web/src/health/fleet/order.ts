/** The order of the fleet, as the address says it: `sort=load`, `sort=-load` the other way round. */
import type { MonitoredDatabase } from "@quern/contract/health/databases";
import { language } from "../../i18n/language.ts";

const COLUMNS = ["name", "score", "findings", "load", "size", "lag", "agent"] as const;
export type FleetColumn = (typeof COLUMNS)[number];
export type FleetOrder = { column: FleetColumn; turned: boolean };

/** The worst first: what somebody who looks at many databases wants to see. */
export const USUAL: FleetOrder = { column: "score", turned: false };

export function parseOrder(text: string | null): FleetOrder {
  const column = COLUMNS.find((each) => each === (text ?? "").replace(/^-/, ""));
  return column === undefined ? USUAL : { column, turned: (text ?? "").startsWith("-") };
}

/** Null for the usual one. */
export function orderText({ column, turned }: FleetOrder): string | null {
  if (column === USUAL.column && turned === USUAL.turned) return null;
  return `${turned ? "-" : ""}${column}`;
}

/** Columns that begin with what is most: a press turns them round to begin with the least. */
const MOST_FIRST: ReadonlySet<FleetColumn> = new Set(["findings", "load", "size", "lag"]);

/** Which way the values of the column go that the list is ordered by. */
export function directionOf({ column, turned }: FleetOrder): "ascending" | "descending" {
  return MOST_FIRST.has(column) === turned ? "ascending" : "descending";
}

/** What a column is ordered by, the first one first; null, which is last whichever way round. */
const KEYS: Record<
  Exclude<FleetColumn, "name">,
  (database: MonitoredDatabase, now: number) => number | null
> = {
  score: ({ score, findings }) =>
    score === null ? null : score.score - (findings.critical > 0 ? 1_000 : 0),
  findings: ({ findings: { critical, warning, info } }) => -(critical * 1e8 + warning * 1e4 + info),
  load: ({ load }) => negative(load.findLast((each) => each !== null) ?? null),
  size: ({ size_bytes }) => negative(size_bytes),
  lag: ({ last_taken_at }, now) =>
    last_taken_at === null ? null : Date.parse(last_taken_at) - now,
  agent: ({ agent }) => (agent === null ? null : AGENT_STATES.indexOf(agent.state)),
};
const AGENT_STATES = ["silent", "late", "none", "paused", "revoked", "live"];
const negative = (value: number | null): number | null => (value === null ? null : -value);

export function inOrder(
  databases: readonly MonitoredDatabase[],
  { column, turned }: FleetOrder,
  now: number,
): MonitoredDatabase[] {
  const sign = turned ? -1 : 1;
  return [...databases].sort((a, b) => {
    if (column === "name") return sign * byName(a, b);
    const [one, other] = [KEYS[column](a, now), KEYS[column](b, now)];
    if (one === null || other === null)
      return Number(one === null) - Number(other === null) || byName(a, b);
    return sign * (one - other) || byName(a, b);
  });
}

/** `db2` before `db10`. */
const names = new Intl.Collator(language, { numeric: true });
const byName = (a: MonitoredDatabase, b: MonitoredDatabase): number =>
  names.compare(a.server.name, b.server.name) || names.compare(a.name, b.name);
