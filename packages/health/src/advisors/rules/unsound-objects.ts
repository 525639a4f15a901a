import type { SchemaSnapshot } from "@quern/contract/agent/schema";
import { schemaOf } from "../facts.ts";
import { advice, fact, fixBy, found, judged, notEnough } from "../finding.ts";
import { qualified, quoted } from "../names.ts";
import type { Found, Rule } from "../rule.ts";

const DEPTH = 3;

export const rule: Rule = {
  id: "unsound-objects",
  title: "Something in the schema does not do what it seems to",
  category: "maintenance",
  explanation:
    "A constraint that was never checked against the rows that are there, a table that a crash empties, a trigger that is switched off, a view on views on views: each is allowed, and each surprises.",
  source: "Catalog facts; views more than three deep (pgwatch).",
  weight: { info: 1, warning: 1, critical: 1 },
  caps: false,
  of: "database",
  every_s: 3600,
  needs: ["schema"],
  engines: ["postgres"],
  async judge(subject) {
    const schema = (await schemaOf(subject))!;
    if (schema.constraints === undefined)
      return notEnough("This agent does not send constraints; Quern's own does.");
    return judged([
      ...notValidated(schema),
      ...unlogged(schema),
      ...disabledTriggers(schema),
      ...deepViews(schema),
    ]);
  },
};

function notValidated({ constraints = [] }: SchemaSnapshot): Found[] {
  return constraints
    .filter(({ validated, inherited }) => !validated && !inherited)
    .map(({ schema, table, name, type, definition }) => {
      const at = qualified({ schema, name: table });
      const evidence = [
        fact("kind", "constraint that was not validated", "text"),
        ...(definition ? [fact("definition", definition, "sql")] : []),
      ];
      // From 18 on; validating such a one is an error.
      const off = type === "f" && /\bnot enforced\b/i.test(definition ?? "");
      const sql = off
        ? `alter table ${at} alter constraint ${quoted(name)} enforced;`
        : `alter table ${at} validate constraint ${quoted(name)};`;
      const words =
        "Rows from before may break it, and the planner does not rely on it. Validating reads the table, lets writes go on, and fails while there are such rows.";
      return found(`${at}.${quoted(name)}`, "info", evidence, { fix: fixBy(sql, words) });
    });
}

function unlogged({ tables }: SchemaSnapshot): Found[] {
  return tables
    .filter(({ persistence }) => persistence === "u")
    .map((table) => {
      const object = qualified(table);
      const sql = `alter table ${object} set logged;`;
      const words =
        "A crash empties it, and replicas never have it. Where that is meant, mute this. Making it logged writes the table into the WAL.";
      const evidence = [fact("kind", "unlogged table", "text")];
      return found(object, "info", evidence, { fix: fixBy(sql, words) });
    });
}

function disabledTriggers({ triggers = [] }: SchemaSnapshot): Found[] {
  return triggers
    .filter(({ enabled }) => enabled === "D")
    .map(({ schema, table, name }) => {
      const at = qualified({ schema, name: table });
      const evidence = [fact("kind", "trigger that is switched off", "text")];
      const sql = `alter table ${at} enable trigger ${quoted(name)};`;
      const words =
        "Switch it on again, or drop it. What was written meanwhile did not go through it.";
      return found(`${at}.${quoted(name)} (trigger)`, "info", evidence, { fix: fixBy(sql, words) });
    });
}

function deepViews({ tables }: SchemaSnapshot): Found[] {
  return tables
    .filter(({ view_depth = 0 }) => view_depth > DEPTH)
    .map((view) => {
      const evidence = [
        fact("kind", "view on views", "text"),
        fact("depth", view.view_depth!, "count", DEPTH),
      ];
      const words =
        "The planner has to take them all apart, and changing one breaks the others. Let it read the tables.";
      return found(qualified(view), "info", evidence, { fix: advice(words) });
    });
}
