import { schemaOf } from "../facts.ts";
import { fact, fixBy, found, judged, notEnough } from "../finding.ts";
import { qualified, quoted } from "../names.ts";
import type { Rule } from "../rule.ts";

export const rule: Rule = {
  id: "security-definer",
  title: "A function with its owner's rights takes names from its caller",
  category: "maintenance",
  explanation:
    "The function runs with the rights of its owner but looks its tables, functions and operators up by the search_path of whoever calls it. A caller that can create objects anywhere in that path can put its own in place, and have them run with the owner's rights.",
  source: "PostgreSQL's documentation on writing security definer functions safely.",
  weight: { info: 2, warning: 10, critical: 10 },
  caps: false,
  of: "database",
  every_s: 3_600,
  needs: ["schema"],
  engines: ["postgres"],
  async judge(subject) {
    const schema = (await schemaOf(subject))!;
    if (schema.routines === undefined) return notEnough("The agent did not send the functions.");
    const open = schema.routines.filter(
      ({ security_definer, sets_search_path }) => security_definer && !sets_search_path,
    );
    return judged(
      open.map((routine) => {
        const name = `${qualified(routine)}(${routine.arguments})`;
        const evidence = [
          fact("language", routine.language, "text"),
          fact("everybody_may_call", routine.public_may_execute, "text"),
        ];
        const kind = routine.kind === "p" ? "procedure" : "function";
        const words =
          "Fix the path for the function (list the schemas it uses, pg_temp last), and revoke execute from those who need not call it.";
        const change = `alter ${kind} ${name} set search_path = pg_catalog, ${quoted(routine.schema)}, pg_temp;`;
        const severity = routine.public_may_execute ? "warning" : "info";
        return found(name, severity, evidence, { fix: fixBy(change, words) });
      }),
    );
  },
};
