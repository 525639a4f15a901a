import { sql } from "kysely";
import { numberOf, serverOf, settingsOf } from "../facts.ts";
import { fact, fixBy, found, judged, notApplicable, notEnough, say } from "../finding.ts";
import type { Rule, Subject } from "../rule.ts";
import { pressures } from "../vacuum-pressure.ts";

const MINUTES = 60;
const SHARE = 0.8;
const SAMPLES = 10;

export const rule: Rule = {
  id: "autovacuum-workers",
  title: "All autovacuum workers are busy while tables wait",
  category: "maintenance",
  explanation:
    "For most of the last hour every worker was vacuuming, and still tables are past their trigger. Small busy tables wait behind large ones.",
  source:
    "Workers at autovacuum_max_workers in 80 % of the samples of an hour, with a backlog (own).",
  weight: { info: 2, warning: 10, critical: 10 },
  caps: false,
  of: "server",
  every_s: 300,
  needs: ["server", "settings"],
  engines: ["postgres"],
  async judge(subject) {
    if (subject.in_recovery) return notApplicable("A replica is not vacuumed.");
    const settings = await settingsOf(subject);
    const most = numberOf(settings, "autovacuum_max_workers", 3);
    const from = new Date(subject.now.getTime() - MINUTES * 60_000);
    const { rows } = await sql<{ samples: number; busy: number }>`
      select count(*) as samples, count(*) filter (where (values ->> 'vacuum_workers')::float8 >= ${most}) as busy
      from health_metric_points
      where subject_id = ${subject.server_id} and at > ${from} and at <= ${subject.now}
        and values ? 'vacuum_workers'`.execute(subject.db);
    const { samples, busy } = rows[0]!;
    if (samples < SAMPLES)
      return notEnough(say("{n} of {of} samples of the last hour.", { n: samples, of: SAMPLES }));
    if (busy / samples < SHARE) return judged([]);
    const waiting = await tablesWaiting(subject);
    if (waiting === 0) return judged([]);
    const progress = (await serverOf(subject))?.body.vacuum_progress ?? [];
    const delay_ms = progress.reduce((sum, each) => sum + (each.delay_time_ms ?? 0), 0);
    const limit = numberOf(settings, "autovacuum_vacuum_cost_limit", -1);
    const effective = limit > 0 ? limit : numberOf(settings, "vacuum_cost_limit", 200);
    const evidence = [
      fact("workers", most, "count"),
      fact("busy_share", busy / samples, "ratio", SHARE),
      fact("tables_waiting", waiting, "count", 1),
      fact("cost_limit", effective, "count"),
      ...(delay_ms > 0 ? [fact("delayed_ms", delay_ms, "ms")] : []),
    ];
    const statements = [
      `alter system set autovacuum_vacuum_cost_limit = ${effective * 4};`,
      "select pg_reload_conf();",
    ].join("\n");
    const words =
      "Let the workers spend more: they share this limit, so that more workers alone make each one slower. Watch the disks meanwhile.";
    const window = { from, to: subject.now };
    return judged([found("", "warning", evidence, { window, fix: fixBy(statements, words) })]);
  },
};

/** In all databases of the server that are monitored: they share the workers. */
async function tablesWaiting(subject: Subject): Promise<number> {
  const { rows } = await sql<{ id: string }>`
    select id from health_databases where server_id = ${subject.server_id}`.execute(subject.db);
  let waiting = 0;
  for (const { id: database_id } of rows) {
    const all = await pressures({ ...subject, database_id });
    waiting += all.filter(({ pressure }) => pressure > 1).length;
  }
  return waiting;
}
