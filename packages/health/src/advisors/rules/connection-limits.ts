import { serverOf } from "../facts.ts";
import { fact, fixBy, found, judged, severityBy } from "../finding.ts";
import { quoted } from "../names.ts";
import type { Found, Rule } from "../rule.ts";

const SHARE = { warning: 0.8, critical: 0.95 };

export const rule: Rule = {
  id: "connection-limits",
  title: "A role or database is near its own limit of connections",
  category: "connections",
  explanation:
    "Roles and databases may have limits of their own below the server's. Who reaches one is refused though the server has connections to spare.",
  source: "postgres_exporter's mixin: 80 %; Dasha: 95 %, of rolconnlimit and datconnlimit.",
  weight: { info: 5, warning: 20, critical: 40 },
  caps: false,
  of: "server",
  every_s: 300,
  needs: ["server"],
  engines: ["postgres"],
  async judge(subject) {
    const { body: server } = (await serverOf(subject))!;
    const roles = (server.connections_by_role ?? []).map((role) => ({
      ...{ kind: "role", name: role.user_name },
      ...{ used: role.connections, limit: role.connection_limit },
    }));
    const databases = server.databases.map((database) => ({
      ...{ kind: "database", name: database.name },
      ...{ used: Number(database.backends ?? 0), limit: database.connection_limit },
    }));
    return judged(
      [...roles, ...databases].flatMap(({ kind, name, used, limit }): Found[] => {
        // -1 is no limit; 0 and -2 let nobody in, which is meant so.
        if (limit <= 0) return [];
        const severity = severityBy(used / limit, SHARE);
        if (severity === undefined) return [];
        const evidence = [
          fact("share_used", used / limit, "ratio", SHARE[severity as keyof typeof SHARE]),
          fact("connections", used),
          fact("limit", limit),
        ];
        const words =
          "Find out whether it needs so many; if so, raise its limit, within what the server can take.";
        const change = `alter ${kind} ${quoted(name)} connection limit ${Math.ceil(limit * 1.5)};`;
        return [
          found(`${kind} ${quoted(name)}`, severity, evidence, { fix: fixBy(change, words) }),
        ];
      }),
    );
  },
};
