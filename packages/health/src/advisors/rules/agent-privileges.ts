import { serverOf } from "../facts.ts";
import { missingPart } from "../facts-server-parts.ts";
import { fact, fixBy, found, judged } from "../finding.ts";
import { quoted } from "../names.ts";
import type { Found, Rule } from "../rule.ts";

export const rule: Rule = {
  id: "agent-privileges",
  title: "The agent's role may do more than it needs",
  category: "maintenance",
  explanation:
    "The agent reads statistics and the catalogs; pg_monitor is enough for that. Rights beyond it help nobody but somebody who gets hold of its password.",
  source: "Own: we ask for less.",
  weight: { info: 1, warning: 8, critical: 8 },
  caps: false,
  of: "server",
  every_s: 3_600,
  needs: ["server"],
  engines: ["postgres"],
  async judge(subject) {
    const { agent_role: role } = (await serverOf(subject))!.body;
    if (role === undefined) return missingPart(subject, "server.roles", "the rights of its role");
    const name = quoted(role.name);
    const findings: Found[] = [];
    if (role.superuser) {
      // Taking the right from the role itself could leave the server without any superuser.
      const words =
        "Let the agent connect as a role of its own that has pg_monitor alone, with a password set by \\password; `quern-agent --print-grants` prints the whole of it.";
      const change = "create role quern_agent login;\ngrant pg_monitor to quern_agent;";
      const evidence = [fact("superuser", true, "text"), fact("role", role.name, "text")];
      findings.push(found("superuser", "warning", evidence, { fix: fixBy(change, words) }));
    } else if (role.reads_tables) {
      const words =
        "It may read rows of tables, which it never does. Take the right away; where it has it by another role, leave that role.";
      const change = `revoke select on all tables in schema public from ${name};`;
      const evidence = [fact("reads_tables", true, "text"), fact("role", role.name, "text")];
      findings.push(found("tables", "warning", evidence, { fix: fixBy(change, words) }));
    }
    return judged(findings);
  },
};
