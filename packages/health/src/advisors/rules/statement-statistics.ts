import type { StatementsState } from "@quern/contract/agent/statements";
import { sql } from "kysely";
import { documentOf, settingsOf } from "../facts.ts";
import { waitLoad } from "../facts-activity.ts";
import { DAY_S, lastSeconds } from "../facts-window.ts";
import { advice, fact, fixBy, found, judged, notEnough } from "../finding.ts";
import type { Found, Rule, Subject } from "../rule.ts";

const FULL = 0.9;
const TEXT_FILE = 250 * 1024 ** 2;
const SPINNING = 0.05;

export const rule: Rule = {
  id: "statement-statistics",
  title: "Statistics of statements are incomplete",
  category: "performance",
  explanation:
    "pg_stat_statements keeps a limited number of statements. When there are more, the least used are thrown out with their counters, and every number about statements becomes a lower bound. Its other settings decide whether times of disks are known, and what it costs itself.",
  source:
    "Own: 90 % of pg_stat_statements.max, or entries thrown out in 24 h. pganalyze: a file of texts above 250 MB.",
  weight: { info: 1, warning: 5, critical: 5 },
  caps: false,
  of: "server",
  every_s: 3_600,
  needs: ["statements", "settings"],
  engines: ["postgres"],
  async judge(subject) {
    const document = await documentOf(subject, "statements");
    if (document === undefined)
      return notEnough("The agent has not said how full pg_stat_statements is.");
    const settings = await settingsOf(subject);
    const findings = [
      ...(await entries(subject, document.body)),
      ...textFile(document.body),
      ...(settings.get("pg_stat_statements.track_planning") === "on"
        ? await spinning(subject)
        : []),
    ];
    if (settings.get("track_io_timing") === "off") {
      const words =
        "Times of reading and writing are not measured. On a machine with a fast clock (pg_test_timing tells) this costs next to nothing.";
      const change = "alter system set track_io_timing = on;\nselect pg_reload_conf();";
      const evidence = [fact("track_io_timing", "off", "text")];
      findings.push(found("track_io_timing", "info", evidence, { fix: fixBy(change, words) }));
    }
    return judged(findings);
  },
};

/** Entries that were thrown out in the last day are marked on the points. */
async function entries(subject: Subject, state: StatementsState): Promise<Found[]> {
  const window = lastSeconds(subject, DAY_S);
  const { rows } = await sql<{ lossy: number; points: number }>`
    select count(*) filter (where 'evicted' = any(marks))::integer as lossy, count(*)::integer as points
    from health_statement_points
    where database_id = ${subject.database_id} and at > ${window.from} and at <= ${window.to}`.execute(
    subject.db,
  );
  const { lossy, points } = rows[0]!;
  const [kept, max] = [Number(state.entries ?? 0), Number(state.max_entries ?? 0)];
  const share = max > 0 ? kept / max : 0;
  if (lossy === 0 && share < FULL) return [];
  const evidence = [
    fact("entries", kept),
    fact("max_entries", max),
    fact("share_used", share, "ratio", FULL),
    fact("lossy_intervals", lossy, "count", 0),
    fact("intervals", points),
  ];
  const more = max > 0 ? max * 2 : 10_000;
  const words =
    "Raise the limit (it needs a restart, and about 1 kB of memory an entry), or send fewer different statements: lists of varying length in `in (…)` and generated names make each a statement of its own. Better `= any($1)`.";
  const fix = fixBy(`alter system set pg_stat_statements.max = ${more};`, words);
  return [found("entries", lossy > 0 ? "warning" : "info", evidence, { window, fix })];
}

function textFile({ text_file_bytes }: StatementsState): Found[] {
  const bytes = Number(text_file_bytes ?? 0);
  if (bytes <= TEXT_FILE) return [];
  const words =
    "Every reading with texts loads this file as a whole. It holds long generated statements: shorten them, or reset the statistics at a quiet time.";
  const evidence = [fact("text_file_bytes", bytes, "bytes", TEXT_FILE)];
  return [found("texts", "info", evidence, { fix: advice(words) })];
}

/** Planning is counted under a lock that spins when many plan the same at once. */
async function spinning(subject: Subject): Promise<Found[]> {
  const window = lastSeconds(subject, 3_600);
  const { total, waits } = await waitLoad(subject, window);
  const spin = waits
    .filter(({ wait_event }) => wait_event === "SpinDelay")
    .reduce((sum, { load }) => sum + load, 0);
  if (total === 0 || spin / total < SPINNING) return [];
  const words = "Turn the counting of plans off, or live with the waits.";
  const change =
    "alter system set pg_stat_statements.track_planning = off;\nselect pg_reload_conf();";
  const evidence = [fact("share_of_spin_waits", spin / total, "ratio", SPINNING)];
  const more = { window, confidence: "medium" as const, fix: fixBy(change, words) };
  return [found("track_planning", "info", evidence, more)];
}
