import { schemaOf } from "../facts.ts";
import { fact, fixBy, found, judged, notApplicable } from "../finding.ts";
import { qualified } from "../names.ts";
import type { Rule } from "../rule.ts";

/** Served to the whole world by the provider's REST interface. */
const EXPOSED = new Set(["public"]);

export const rule: Rule = {
  id: "row-security",
  title: "A table that the world can reach has no row security",
  category: "maintenance",
  explanation:
    "On this provider tables of the schema public are served by an API of their own to whoever has the public key. Without row level security that key reads and writes all rows.",
  source: "Supabase's own linter (splinter 0013).",
  weight: { info: 0, warning: 15, critical: 15 },
  caps: false,
  of: "database",
  every_s: 3_600,
  needs: ["schema"],
  engines: ["postgres"],
  async judge(subject) {
    if (subject.provider !== "supabase")
      return notApplicable("Only where tables are served by an API of the provider.");
    const { tables } = (await schemaOf(subject))!;
    return judged(
      tables
        .filter(({ schema, kind }) => EXPOSED.has(schema) && (kind === "r" || kind === "p"))
        .filter(({ row_security }) => row_security === false)
        .map((table) => {
          const words =
            "Enable it and add policies for what each role may see. Until there is one, nobody but the owner sees a row.";
          const change = `alter table ${qualified(table)} enable row level security;`;
          const evidence = [fact("schema", table.schema, "text")];
          return found(qualified(table), "warning", evidence, { fix: fixBy(change, words, true) });
        }),
    );
  },
};
