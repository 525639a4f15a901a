import { serverOf } from "../facts.ts";
import { advice, fact, fixBy, found, judged, notEnough, severityBy } from "../finding.ts";
import type { Fix, Found, Rule, Subject } from "../rule.ts";

const SHARE = { info: 0.6, warning: 0.8, critical: 0.95 };
const IDLE_SHARE = 0.7;
const POOLING_FROM = 100;

export const rule: Rule = {
  id: "connection-saturation",
  title: "The server is running out of connections",
  category: "connections",
  explanation:
    "When all connections that are not reserved for superusers are taken, every further client is refused with “too many clients already”. Each connection is a process with memory of its own, so a higher limit is not free.",
  source:
    "Dasha: 60, 80 and 95 % of max_connections less the reserved ones. Own: a pool is advised when 70 % of more than 100 connections are idle.",
  weight: { info: 5, warning: 30, critical: 70 },
  caps: false,
  of: "server",
  every_s: 60,
  needs: ["server"],
  engines: ["postgres", "mysql", "mariadb"],
  async judge(subject) {
    const { body: server, at } = (await serverOf(subject))!;
    if (server.max_connections === null)
      return notEnough("The server did not say how many connections it takes.");
    const limit = server.max_connections - (server.reserved_connections ?? 0);
    const used = Object.values(server.connections).reduce((sum, each) => sum + each, 0);
    const idle = server.connections.idle ?? 0;
    const findings: Found[] = [];
    const severity = severityBy(used / limit, SHARE);
    if (severity !== undefined) {
      const roles = [...(server.connections_by_role ?? [])]
        .sort((left, right) => right.connections - left.connections)
        .slice(0, 3)
        .map(({ user_name, connections }) => `${user_name}: ${connections}`);
      const evidence = [
        fact("share_used", used / limit, "ratio", SHARE[severity]),
        fact("connections", used),
        fact("available", limit),
        fact("idle", idle),
        fact("idle_in_transaction", server.connections["idle in transaction"] ?? 0),
        ...(roles.length > 0 ? [fact("most_by_role", roles.join(", "), "text")] : []),
        fact("read_at", at.toISOString(), "time"),
      ];
      findings.push(found("", severity, evidence, { fix: fixOf(subject) }));
    }
    if (used > POOLING_FROM && idle / used >= IDLE_SHARE) {
      const evidence = [
        fact("idle_share", idle / used, "ratio", IDLE_SHARE),
        fact("connections", used, "count", POOLING_FROM),
      ];
      const words =
        "Most connections do nothing. A pooler in transaction mode serves the same clients with a few; or give the pools of the applications smaller limits.";
      findings.push(found("idle", "info", evidence, { fix: advice(words) }));
    }
    return judged(findings);
  },
};

function fixOf({ type }: Subject): Fix {
  if (type === "postgres") {
    return fixBy(
      "select usename, application_name, state, count(*) from pg_stat_activity group by 1, 2, 3 order by 4 desc;",
      "Find out who holds them (idle ones are usually a pool that is too large or connections that are never closed), and put a pooler such as PgBouncer in front. Raising max_connections needs a restart and memory.",
    );
  }
  return fixBy(
    "select user, db, command, count(*) from information_schema.processlist group by 1, 2, 3 order by 4 desc;",
    "Find out who holds them (idle ones are usually a pool that is too large or connections that are never closed), and put a pooler such as ProxySQL or MaxScale in front. max_connections can be raised while the server runs, and needs memory.",
  );
}
