import {
  type StatementSum,
  shortText,
  statementObject,
  statementSums,
} from "../facts-statements.ts";
import { confidenceOf, DAY_S, HOUR_S, lastSeconds, tooLittle } from "../facts-window.ts";
import { advice, fact, found, judged } from "../finding.ts";
import type { Found, Rule, Subject } from "../rule.ts";

const CALLS = 50;
const MEAN_MS = 50;
const SHARE = 0.01;
const GRAVE_MEAN_MS = 1_000;
const GRAVE_SHARE = 0.05;
/** What is slow by its nature and is not called by users. */
const MAINTENANCE =
  /^\s*(vacuum|analyze|reindex|cluster|copy|create\s+(unique\s+)?index|refresh|checkpoint|commit|start_replication)\b/i;

export const rule: Rule = {
  id: "slow-statements",
  title: "Slow statement with a share in the load",
  category: "performance",
  explanation:
    "The statement is called often, takes long each time and makes up a notable part of the time of all statements of this database. Making it faster is felt by users and frees the server.",
  source:
    "pganalyze: mean of 50 ms and 50 calls in 24 h. Own: 1 % of the time of all statements; a warning from a mean of 1 s and 5 % on.",
  weight: { info: 2, warning: 10, critical: 10 },
  caps: false,
  of: "database",
  every_s: 3_600,
  needs: ["statements"],
  engines: ["postgres", "mysql", "mariadb"],
  async judge(subject) {
    const window = lastSeconds(subject, DAY_S);
    const sums = await statementSums(subject, window);
    const missing = tooLittle(sums.seconds, HOUR_S, "statistics of statements");
    if (missing) return missing;
    const confidence = confidenceOf(sums.seconds, DAY_S);
    return judged(
      sums.statements.flatMap((statement): Found[] => {
        const { calls, total_time_ms } = statement;
        const mean = total_time_ms / calls;
        const share = total_time_ms / sums.total_time_ms;
        if (calls < CALLS || mean < MEAN_MS || share < SHARE) return [];
        if (MAINTENANCE.test(statement.query ?? "")) return [];
        const severity = mean >= GRAVE_MEAN_MS && share >= GRAVE_SHARE ? "warning" : "info";
        const evidence = [
          fact("mean_time_ms", mean, "ms", MEAN_MS),
          fact("share_of_time", share, "ratio", SHARE),
          fact("calls", calls, "count", CALLS),
          fact("rows_per_call", statement.rows / calls),
          fact("blocks_per_call", statement.shared_blocks / calls),
          ...(sums.lossy ? [fact("sums_are_lower_bounds", true, "text")] : []),
          fact("query", shortText(statement.query), "sql"),
        ];
        const fix = explainFix(subject, statement);
        const more = { confidence, window, statement_id: statement.id, fix };
        return [found(statementObject(statement), severity, evidence, more)];
      }),
    );
  },
};

/** `explain` runs nothing; placeholders need a generic plan, which there is from 16 on. */
function explainFix({ type, version_num }: Subject, { query, kind, runnable }: StatementSum) {
  const words =
    "Look at the plan: a sequential scan of a large table, a sort that spills or a nested loop over many rows is what an index or another form of the statement mends. Fetch only the columns and rows that are used.";
  const explains = ["select", "insert", "update", "delete", "merge"].includes(kind ?? "");
  const generic = type === "postgres" && (version_num ?? 0) >= 160_000;
  if (!runnable || !explains || !generic) return advice(words);
  return { sql: `explain (generic_plan) ${query}`, words, sandbox: true };
}
