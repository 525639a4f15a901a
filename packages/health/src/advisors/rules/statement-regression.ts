import { sql } from "kysely";
import {
  LEAST_WEEKS,
  median,
  noBaseline,
  type StatementWeek,
  statementWeeks,
} from "../facts-baseline.ts";
import { tablesOf } from "../facts-relations.ts";
import { type StatementSum, shortText, statementSums } from "../facts-statements.ts";
import { HOUR_S, lastSeconds } from "../facts-window.ts";
import { advice, fact, found, judged, severityBy } from "../finding.ts";
import { qualified } from "../names.ts";
import type { Found, Rule, Subject } from "../rule.ts";

const CALLS = 30;
const GAIN_MS = 5;
const SHARE = 0.01;
const RATIOS = { info: 1.5, warning: 3, critical: 6 };
/** Blocks or rows per call have changed when they are so many times as many. */
const CHANGED = 1.3;

export const rule: Rule = {
  id: "statement-regression",
  title: "Statement slower than at this hour of earlier weeks",
  category: "performance",
  explanation:
    "The statement takes much longer than in the same hour of the last four weeks, so the daily and weekly rhythm does not explain it. When it reads more blocks per call than before, its plan or its data has changed; when it reads the same, it waits for disks, locks or processors.",
  source:
    "Dasha: 1.5, 3 and 6 times the usual time. Own: against the median of the same hour of the week, at least 30 calls in each, 5 ms and 1 % of the load.",
  weight: { info: 2, warning: 12, critical: 25 },
  caps: false,
  of: "database",
  every_s: 900,
  needs: ["statements"],
  engines: ["postgres", "mysql", "mariadb"],
  async judge(subject) {
    const missing = await noBaseline(subject, "health_statement_hours");
    if (missing) return missing;
    const window = lastSeconds(subject, HOUR_S);
    const sums = await statementSums(subject, window);
    const weeks = await statementWeeks(subject);
    const found: Found[] = [];
    for (const [key, statements] of byFingerprint(sums.statements)) {
      const finding = compare(key, statements, weeks.get(key) ?? [], sums.total_time_ms);
      if (finding) found.push({ ...finding, window });
    }
    if (found.length === 0) return judged([]);
    const events = await eventsBefore(subject);
    const analysed = await analysedBefore(subject);
    const byId = new Map(sums.statements.map((each) => [each.id, each]));
    return judged(
      found.map((each) => {
        const { tables = [] } = byId.get(each.statement_id ?? -1) ?? {};
        return { ...each, evidence: [...each.evidence, ...events, ...analysed(tables)] };
      }),
    );
  },
};

function byFingerprint(statements: readonly StatementSum[]): Map<string, StatementSum[]> {
  const groups = new Map<string, StatementSum[]>();
  for (const statement of statements) {
    const key = statement.fingerprint ?? statement.query_hash;
    groups.set(key, [...(groups.get(key) ?? []), statement]);
  }
  return groups;
}

/** `statements` come with the one that took most time first. */
function compare(
  key: string,
  statements: readonly StatementSum[],
  all: readonly StatementWeek[],
  load_ms: number,
): Found | undefined {
  const weeks = all.filter(({ calls }) => calls >= CALLS);
  const sum = (name: "calls" | "total_time_ms" | "shared_blocks" | "rows") =>
    statements.reduce((total, statement) => total + statement[name], 0);
  const calls = sum("calls");
  if (weeks.length < LEAST_WEEKS || calls < CALLS) return undefined;
  const usual = (name: "total_time_ms" | "shared_blocks" | "rows") =>
    median(weeks.map((week) => week[name] / week.calls));
  const [before, now] = [usual("total_time_ms"), sum("total_time_ms") / calls];
  const share = sum("total_time_ms") / load_ms;
  const severity = severityBy(now / before, RATIOS);
  if (severity === undefined || now - before < GAIN_MS || share < SHARE) return undefined;
  const times = (name: "shared_blocks" | "rows") =>
    usual(name) > 0 ? sum(name) / calls / usual(name) : null;
  const [blocks, rows] = [times("shared_blocks"), times("rows")];
  return found(
    key,
    severity,
    [
      fact("times_as_slow", now / before, "ratio", RATIOS[severity]),
      fact("mean_time_ms", now, "ms"),
      fact("usual_mean_time_ms", before, "ms"),
      fact("weeks_compared", weeks.length),
      fact("share_of_time", share, "ratio", SHARE),
      fact("blocks_per_call_times", blocks, "ratio"),
      fact("rows_per_call_times", rows, "ratio"),
      fact("query", shortText(statements[0]!.query), "sql"),
    ],
    {
      confidence: weeks.length > LEAST_WEEKS ? "high" : "medium",
      statement_id: statements[0]!.id,
      fix: advice(wordsFor(blocks, rows)),
    },
  );
}

function wordsFor(blocks: number | null, rows: number | null): string {
  if (blocks === null || blocks < CHANGED)
    return "It reads as much as before but takes longer: look at what sessions wait for at this time, at the disks and at what else runs.";
  if (rows !== null && rows >= CHANGED)
    return "It reads and returns more rows than before: the data or the parameters have grown. Limit what it fetches, or archive what is old.";
  return "It reads more for the same rows: the plan has changed, or the tables are bloated. Compare its plans, analyze the tables, and look for a dropped index among the events.";
}

/** What happened in the day before, that may be the reason. */
async function eventsBefore({ db, now, server_id, database_id }: Subject) {
  const { rows } = await sql<{ type: string; subject: string | null; at: Date }>`
    select type, subject, at from health_events
    where (server_id = ${server_id} or database_id = ${database_id}) and (database_id is null or database_id = ${database_id})
      and at > ${now}::timestamptz - interval '1 day' and at <= ${now}
      and type in ('setting', 'schema', 'version', 'restart', 'crash', 'failover', 'deploy', 'statistics_reset')
    order by at desc limit 5`.execute(db);
  return rows.map(({ type, subject, at }) =>
    fact("event", `${type}${subject === null ? "" : ` ${subject}`} ${at.toISOString()}`, "text"),
  );
}

/** Which of the tables that a statement names were analysed in the day before: new statistics may have made a new plan. */
async function analysedBefore(subject: Subject) {
  const tables = [...(await tablesOf(subject)).values()];
  const after = subject.now.getTime() - 86_400_000;
  const fresh = tables.flatMap(({ schema, table, last_analyze, last_autoanalyze }) => {
    const times = [last_analyze, last_autoanalyze].map((time) => Date.parse(time ?? ""));
    const last = Math.max(...times.filter((time) => !Number.isNaN(time)), 0);
    return last > after ? [{ names: [table, `${schema}.${table}`], last, schema, table }] : [];
  });
  return (named: readonly string[]) =>
    fresh
      .filter(({ names }) => names.some((name) => named.includes(name)))
      .slice(0, 5)
      .map(({ schema, table, last }) => {
        const at = new Date(last).toISOString();
        return fact("event", `analyze ${qualified({ schema, name: table })} ${at}`, "text");
      });
}
