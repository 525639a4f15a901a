/** Rules that find what a test tells them to, and evaluations of them. Only tests may import this file. */
import type { Severity } from "@quern/contract/health/findings";
import { sql } from "kysely";
import { enlistRules, evaluateNext } from "./advisors/engine.ts";
import { fact, found, judged } from "./advisors/finding.ts";
import type { Found, Judgement, Rule } from "./advisors/rule.ts";
import { NOW, type Site, type Sites } from "./testing-site.ts";

/** `NOW` and so many minutes. */
export const minutes = (count: number) => new Date(NOW.getTime() + count * 60_000);

/** A rule that finds what it is told to. */
export function toldRule(id: string, more: Partial<Rule> = {}) {
  const told: { judgement: Judgement | Error; asked: number } = { judgement: judged([]), asked: 0 };
  const rule: Rule = {
    ...{ id, title: `Rule ${id}`, category: "locks", explanation: "", source: "a test" },
    ...{ weight: { info: 1, warning: 10, critical: 40 }, caps: false, of: "database" },
    ...{ every_s: 60, needs: [], engines: ["postgres"] },
    async judge() {
      told.asked += 1;
      if (told.judgement instanceof Error) throw told.judgement;
      return told.judgement;
    },
    ...more,
  };
  const finds = (...all: Found[]) => {
    told.judgement = judged(all);
  };
  return { rule, told, finds };
}

export const thing = (object: string, severity: Severity = "warning") =>
  found(object, severity, [fact("count", 1)]);

/** A site whose agent is at work, and evaluation of `rules` for it alone. */
export async function evaluating(sites: Sites, ...rules: Rule[]) {
  const site = await sites.site();
  const byId = new Map(rules.map((rule) => [rule.id, rule]));
  await sql`delete from health_rule_states`.execute(sites.db);
  const evaluate = async (now: Date) => {
    await sql`update health_databases set last_taken_at = ${now}`.execute(sites.db);
    await enlistRules(sites.db, { now, rules: byId });
    await sql`delete from health_rule_states where database_id <> ${site.database_id}`.execute(
      sites.db,
    );
    return evaluateNext(sites.db, {
      now,
      rules: byId,
      onFailure: ({ error }) => failures.push(error),
    });
  };
  const failures: unknown[] = [];
  return { site, evaluate, failures };
}

/** The findings of a site as they are stored, the oldest first. */
export async function rowsOf({ db, database_id }: Site) {
  const { rows } = await sql<{ object: string; severity: string; clean: number; open: boolean }>`
    select object, severity, evaluations_clean as clean, resolved_at is null as open
    from health_findings where database_id = ${database_id} order by first_seen_at, object`.execute(
    db,
  );
  return rows;
}
