import { sql } from "kysely";
import { fact, fixBy, found, judged, notEnough } from "../finding.ts";
import type { Rule } from "../rule.ts";

export const rule: Rule = {
  id: "visible-secrets",
  title: "A password or key can be read in the statistics of statements",
  category: "maintenance",
  explanation:
    "A statement with a password, key or connection string in it was run as plain text, and pg_stat_statements keeps such texts as they were sent: every role that may read the statistics can read the secret, and so can every tool that copies them. The agent did not send the text.",
  source:
    "Own. Measured on PostgreSQL 13 to 18: passwords in `create role` and `alter role` stay readable.",
  weight: { info: 0, warning: 20, critical: 40 },
  caps: false,
  of: "database",
  every_s: 900,
  needs: ["statements"],
  engines: ["postgres"],
  async judge(subject) {
    const { db, database_id, server_id, now } = subject;
    const { rows: looked } = await sql<{ statements: boolean; by_agent: boolean }>`
      select count(*) > 0 as statements, coalesce(bool_or(text_state is not null or secret_visible), false) as by_agent
      from health_statements where database_id = ${database_id}`.execute(db);
    if (looked[0]!.statements && !looked[0]!.by_agent)
      return notEnough("This agent does not look for secrets in statements; Quern's own does.");
    // An entry stays where it is until the statistics are emptied; nothing tells when it alone is removed.
    const { rows } = await sql<{
      id: number;
      query_hash: string;
      user_name: string;
      query: string | null;
      last_seen_at: Date;
    }>`
      select id, query_hash, user_name, query, last_seen_at from health_statements
      where database_id = ${database_id} and secret_visible and last_seen_at > ${now}::timestamptz - interval '30 days'
        and last_seen_at >= coalesce((
          select max(at) from health_events
          where server_id = ${server_id} and type in ('statements_reset', 'crash', 'failover') and at <= ${now}), '-infinity')
      order by last_seen_at desc limit 100`.execute(db);
    return judged(
      rows.map(({ id, query_hash, user_name, query, last_seen_at }) => {
        const fresh = now.getTime() - last_seen_at.getTime() < 2 * 3_600_000;
        const evidence = [
          fact("role", user_name, "text"),
          fact("last_run_seen_at", last_seen_at.toISOString(), "time"),
          fact("query", query, "sql"),
        ];
        const words =
          "Change the secret, then empty the statistics of statements. Set passwords with psql's \\password or with a SCRAM hash made by the client, which never show them. Where only this entry was removed, mute this finding: nothing tells of that.";
        return found(`${query_hash} ${user_name}`, "critical", evidence, {
          confidence: fresh ? "high" : "medium",
          statement_id: id,
          fix: fixBy("select pg_stat_statements_reset();", words),
        });
      }),
    );
  },
};
