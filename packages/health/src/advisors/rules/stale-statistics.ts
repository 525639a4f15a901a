import type { TableStats } from "@quern/contract/agent/relations";
import { documentOf, settingsOf } from "../facts.ts";
import { rowsOf } from "../facts-relations.ts";
import { fact, fixBy, found, judged, notApplicable, notEnough } from "../finding.ts";
import { qualified } from "../names.ts";
import type { Rule, Subject } from "../rule.ts";
import { analyzeTrigger } from "../vacuum-pressure.ts";

const FACTOR = 2;
const ROWS = 10_000;
const MANY = 5;

export const rule: Rule = {
  id: "stale-statistics",
  title: "The planner's statistics are out of date",
  category: "maintenance",
  explanation:
    "Much of the table has changed since it was last analysed, or it never was. The planner guesses how many rows a condition gives and may choose a slow plan.",
  source:
    "Changed rows beyond twice autovacuum's trigger, or never analysed with 10,000 rows; warning from five such tables (Dasha: 3, 5, 10).",
  weight: { info: 2, warning: 4, critical: 4 },
  caps: false,
  of: "database",
  every_s: 900,
  needs: ["tables"],
  engines: ["postgres"],
  async judge(subject) {
    if (subject.in_recovery) return notApplicable("A replica is not analysed.");
    const settings = await settingsOf(subject);
    const tables = (await documentOf(subject, "tables"))!.body;
    if (tables.length > 0 && tables.every(({ n_mod_since_analyze: n }) => n === undefined))
      return notEnough("This agent does not count changed rows; Quern's own does.");
    const stale = tables
      .filter(({ kind }) => kind !== "t" && kind !== "f" && kind !== "p")
      .flatMap((table) => {
        const changed = Number(table.n_mod_since_analyze ?? 0);
        const trigger = analyzeTrigger(table.options ?? {}, settings, rowsOf(table));
        const never = neverAnalysed(table, subject);
        const old = changed > trigger * FACTOR && changed >= ROWS / 10;
        return never || old ? [{ table, changed, trigger, never }] : [];
      });
    const severity = stale.length >= MANY ? "warning" : "info";
    return judged(
      stale.map(({ table, changed, trigger, never }) => {
        const object = qualified({ schema: table.schema, name: table.table });
        const evidence = [
          fact("changed_rows", changed, "count", Math.round(trigger * FACTOR)),
          fact("live_rows", Number(table.n_live_tup ?? 0), "count", ROWS),
          fact("never_analysed", never, "text"),
          fact("last_analyze", table.last_analyze, "time"),
          fact("last_autoanalyze", table.last_autoanalyze, "time"),
          fact("tables_like_this", stale.length, "count", MANY),
        ];
        const words =
          "Analyse it now; when it comes back, lower autovacuum_analyze_scale_factor of this table.";
        return found(object, severity, evidence, { fix: fixBy(`analyze ${object};`, words) });
      }),
    );
  },
};

/** Before 14 a table that was never looked at has an estimate of 0 rows, later one of -1. */
function neverAnalysed(table: TableStats, { version_num }: Subject): boolean {
  const { reltuples, last_analyze, last_autoanalyze, n_live_tup } = table;
  const known = (version_num ?? 0) >= 140_000 ? 0 : 1;
  const unknown = reltuples === undefined || reltuples === null || reltuples < known;
  return unknown && !last_analyze && !last_autoanalyze && Number(n_live_tup ?? 0) >= ROWS;
}
