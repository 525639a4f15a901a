import { schemaOf } from "../facts.ts";
import { fact, fixBy, found, judged, notEnough } from "../finding.ts";
import { quoted } from "../names.ts";
import type { Rule } from "../rule.ts";

export const rule: Rule = {
  id: "public-create",
  title: "Everybody may create objects in a schema",
  category: "maintenance",
  explanation:
    "Each role that can connect may put tables, functions and operators into the schema. As long as it is in the search_path of others, their statements may find these instead of what was meant (CVE-2018-1058). Up to version 14 this is the default of the schema public, and an upgrade keeps it.",
  source: "PostgreSQL: CVE-2018-1058, and the default changed in 15.",
  weight: { info: 2, warning: 10, critical: 10 },
  caps: false,
  of: "database",
  every_s: 3_600,
  needs: ["schema"],
  engines: ["postgres"],
  async judge(subject) {
    const { schemas } = (await schemaOf(subject))!;
    if (schemas === undefined)
      return notEnough("The agent did not send the privileges of schemas.");
    return judged(
      schemas
        .filter(({ public_may_create }) => public_may_create)
        .map(({ name }) => {
          const words =
            "Take the right from everybody, and grant it to the roles that create objects there.";
          const change = `revoke create on schema ${quoted(name)} from public;`;
          const evidence = [fact("schema", name, "text")];
          return found(quoted(name), "warning", evidence, { fix: fixBy(change, words, true) });
        }),
    );
  },
};
