import type { Severity } from "@quern/contract/health/findings";
import { keyOf } from "../facts-relations.ts";
import { advice, fact, fixBy, found, judged, notApplicable, severityBy } from "../finding.ts";
import { qualified } from "../names.ts";
import type { Found, Rule } from "../rule.ts";
import { type Lasting, leastOver, type Pressure, pressures } from "../vacuum-pressure.ts";

const WARNING = { pressure: 2, minutes: 15, share: 0.1 };
const CRITICAL = { pressure: 10, minutes: 60, share: 0.3 };
const DEAD_ROWS = 10_000;
const TABLES = { info: 6, warning: 15, critical: 30 };

export const rule: Rule = {
  id: "autovacuum-backlog",
  title: "Vacuum does not keep up",
  category: "maintenance",
  explanation:
    "Dead rows have piled up far beyond the point at which autovacuum should have come. Scans read them all, the table grows, and the statistics go stale.",
  source:
    "Pressure is dead rows / autovacuum's trigger. Warning from 2 for 15 minutes or 10 % dead, critical from 10 for an hour or 30 % dead (Dasha, pgEdge, awesome-prometheus-alerts); shares from 10,000 dead rows; 6, 15 or 30 tables at once (Dasha).",
  weight: { info: 2, warning: 8, critical: 25 },
  caps: false,
  of: "database",
  every_s: 300,
  needs: ["tables"],
  engines: ["postgres"],
  async judge(subject) {
    if (subject.in_recovery) return notApplicable("A replica is not vacuumed.");
    const all = await pressures(subject);
    const short = await leastOver(subject, WARNING.minutes);
    const long = await leastOver(subject, CRITICAL.minutes);
    const tables = all.flatMap((table) => {
      const key = keyOf(table.schema, table.table);
      return findingOf(table, short.get(key), long.get(key));
    });
    return judged([...tables, ...together(all)]);
  },
};

function findingOf(
  table: Pressure,
  short: Lasting | undefined,
  long: Lasting | undefined,
): Found[] {
  const dead = severityOf(table, short, long);
  const insert_trigger = table.insert_trigger ?? Number.POSITIVE_INFINITY;
  const inserts =
    short !== undefined && (short.inserted ?? table.inserted) >= insert_trigger * WARNING.pressure;
  const toast = table.toast_pressure >= CRITICAL.pressure;
  const off = !table.enabled;
  const severity = dead ?? (toast || off ? "warning" : inserts ? "info" : undefined);
  if (severity === undefined) return [];
  const limit = dead === "critical" ? CRITICAL : dead === "warning" ? WARNING : undefined;
  const evidence = [
    ...(inserts ? [fact("inserted_rows", table.inserted, "count", insert_trigger)] : []),
    fact("dead_rows", table.dead, "count", limit && DEAD_ROWS),
    fact("trigger", Math.round(table.trigger), "count"),
    fact("pressure", table.pressure, "ratio", limit?.pressure),
    fact("dead_share", table.dead_share, "ratio", limit?.share),
    ...(toast ? [fact("toast_pressure", table.toast_pressure, "ratio", CRITICAL.pressure)] : []),
    fact("autovacuum_enabled", table.enabled, "text"),
    fact("last_autovacuum", table.last_autovacuum, "time"),
    fact("last_vacuum", table.last_vacuum, "time"),
  ];
  const object = qualified({ schema: table.schema, name: table.table });
  const vacuum = `vacuum (verbose, analyze) ${object};`;
  const fix = off
    ? fixBy(
        `alter table ${object} reset (autovacuum_enabled);\n${vacuum}`,
        "Autovacuum is switched off for this table: switch it on again, and vacuum once by hand.",
      )
    : fixBy(
        vacuum,
        "Once by hand. When it comes back: lower autovacuum_vacuum_scale_factor of this table, give autovacuum more to spend (autovacuum_vacuum_cost_limit), and look for what holds the horizon.",
      );
  return [found(object, severity, evidence, { fix })];
}

/** By what lasted, or by the share of dead rows as it is now. */
function severityOf(
  { trigger, dead, dead_share }: Pressure,
  short: Lasting | undefined,
  long: Lasting | undefined,
): Severity | undefined {
  const base = Math.max(1, trigger);
  const many = dead >= DEAD_ROWS;
  if (long !== undefined && (long.dead ?? dead) / base >= CRITICAL.pressure) return "critical";
  if (many && dead_share >= CRITICAL.share) return "critical";
  if (short !== undefined && (short.dead ?? dead) / base >= WARNING.pressure) return "warning";
  return many && dead_share >= WARNING.share ? "warning" : undefined;
}

/** Many tables that wait at the same time are a matter of workers, not of one table. */
function together(all: readonly Pressure[]): Found[] {
  const waiting = all.filter(({ pressure }) => pressure > 1);
  const severity = severityBy(waiting.length, TABLES);
  if (severity === undefined) return [];
  const worst = waiting
    .sort((left, right) => right.pressure - left.pressure)
    .slice(0, 5)
    .map(({ schema, table }) => qualified({ schema, name: table }));
  const evidence = [
    fact("tables_waiting", waiting.length, "count", TABLES[severity]),
    fact("worst", worst.join(", "), "text"),
  ];
  const words =
    "More workers (autovacuum_max_workers, which needs a restart before 18) with more to spend together (autovacuum_vacuum_cost_limit).";
  return [found("", severity, evidence, { fix: advice(words) })];
}
