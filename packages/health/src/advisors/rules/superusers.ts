import { serverOf } from "../facts.ts";
import { missingPart } from "../facts-server-parts.ts";
import { fact, fixBy, found, judged } from "../finding.ts";
import type { Rule } from "../rule.ts";

const MOST = 10;

export const rule: Rule = {
  id: "superusers",
  title: "Many roles are superusers",
  category: "maintenance",
  explanation:
    "A superuser passes all checks of rights, reads and writes files of the server and runs programs on it. Each such role is a way in.",
  source: "pgwatch: more than 10.",
  weight: { info: 3, warning: 8, critical: 8 },
  caps: false,
  of: "server",
  every_s: 86_400,
  needs: ["server"],
  engines: ["postgres"],
  async judge(subject) {
    const { superusers } = (await serverOf(subject))!.body;
    if (superusers == null) return missingPart(subject, "server.roles", "the number of superusers");
    if (superusers <= MOST) return judged([]);
    const words =
      "Look who needs it. Predefined roles do for most: pg_monitor, pg_read_all_data, pg_signal_backend, pg_maintain.";
    const sql = "select rolname, rolcanlogin from pg_roles where rolsuper order by rolname;";
    const evidence = [fact("superusers", superusers, "count", MOST)];
    return judged([found("", "warning", evidence, { fix: fixBy(sql, words) })]);
  },
};
