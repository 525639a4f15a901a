import type { Severity } from "@quern/contract/health/findings";
import { schemaOf } from "../facts.ts";
import { fact, fixBy, found, judged, notEnough } from "../finding.ts";
import { qualified, quoted } from "../names.ts";
import type { Rule } from "../rule.ts";

/** Widths of the integers, by which one can outgrow the other. */
const INTEGERS: Record<string, number> = { smallint: 2, integer: 4, bigint: 8 };

export const rule: Rule = {
  id: "foreign-key-types",
  title: "Foreign key between columns of different types",
  category: "performance",
  explanation:
    "The referencing column has another type than the one it refers to. Joins convert one side, which may keep an index from being used, and a narrower integer will one day not hold the key it has to refer to.",
  source:
    "Catalog fact (pg-index-health). Warning where the referencing type is narrower or of another kind.",
  weight: { info: 1, warning: 4, critical: 4 },
  caps: false,
  of: "database",
  every_s: 3600,
  needs: ["schema"],
  engines: ["postgres"],
  async judge(subject) {
    const { constraints } = (await schemaOf(subject))!;
    if (constraints === undefined)
      return notEnough("This agent does not send constraints; Quern's own does.");
    const keys = constraints.filter(({ type, inherited }) => type === "f" && !inherited);
    return judged(
      keys.flatMap(({ schema, table, name, columns, column_types = [], references }) =>
        columns.flatMap((column, place) => {
          const own = bare(column_types[place]);
          const theirs = bare(references?.column_types[place]);
          if (own === undefined || theirs === undefined || own === theirs) return [];
          const target = references!.columns[place]!;
          const at = qualified({ schema, name: table });
          const there = qualified({ schema: references!.schema, name: references!.table });
          const sql = isWider(own, theirs)
            ? `alter table ${there} alter column ${quoted(target)} type ${column_types[place]};`
            : `alter table ${at} alter column ${quoted(column)} type ${references!.column_types[place]};`;
          const evidence = [
            fact("column", quoted(column), "text"),
            fact("column_type", own, "text"),
            fact("referenced_column", `${there}.${quoted(target)}`, "text"),
            fact("referenced_type", theirs, "text"),
          ];
          const words =
            "Give both sides the same type. This rewrites the table under a lock that stops reads and writes: on a large one add a new column, fill it in batches and swap.";
          const object = `${at}.${quoted(name)}.${quoted(column)}`;
          return [
            found(object, gravityOf(own, theirs), evidence, { fix: fixBy(sql, words, true) }),
          ];
        }),
      ),
    );
  },
};

/** Without its modifier: varchar(10) and varchar(20) compare as they are. */
function bare(type: string | undefined): string | undefined {
  return type?.replace(/\([^)]*\)/, "").trim();
}

/** An integer that holds more than the other. */
function isWider(own: string, theirs: string): boolean {
  return (INTEGERS[own] ?? 0) > (INTEGERS[theirs] ?? Number.POSITIVE_INFINITY);
}

function gravityOf(own: string, theirs: string): Severity {
  const [ours, others] = [INTEGERS[own], INTEGERS[theirs]];
  if (ours !== undefined && others !== undefined) return ours < others ? "warning" : "info";
  const texts = new Set(["text", "character varying"]);
  return texts.has(own) && texts.has(theirs) ? "info" : "warning";
}
