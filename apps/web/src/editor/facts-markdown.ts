import { t } from "../i18n/language.ts";
import type { NameFacts } from "../sql/name-facts.ts";

/** Text that Markdown shows as it is, whatever a name or a comment holds. */
function plain(text: string): string {
  const cut = text.length > 1000 ? `${text.slice(0, 999)}…` : text;
  return cut.replace(/[\\`*_{}[\]()#+\-.!<>|~&$]/g, "\\$&").replace(/\n/g, "  \n");
}

/** A block of SQL, in a fence that is longer than any within it. */
function code(text: string): string {
  const cut = text.length > 400 ? `${text.slice(0, 399)}…` : text;
  const longest = Math.max(2, ...[...cut.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}pgsql\n${cut.replaceAll("\n", " ")}\n${fence}`;
}

const WHAT = {
  table: t("Table"),
  partitioned_table: t("Partitioned table"),
  view: t("View"),
  materialized_view: t("Materialised view"),
  foreign_table: t("Foreign table"),
};
const SOURCE = {
  table: t("Table that the schema does not have"),
  cte: t("Query of this statement’s with clause"),
  subquery: t("Subquery"),
  function: t("Function read as a table"),
};

/** What a hover says of a name. */
export function factsMarkdown(facts: NameFacts): string {
  if (facts.kind === "function")
    return facts.signatures
      .slice(0, 5)
      .map(({ name, arguments: list, result, of }) =>
        code(`${of === null ? "" : `${of}.`}${name}(${list}) → ${result}`),
      )
      .join("\n");
  if (facts.kind === "schema")
    return lines(
      code(facts.name),
      t("Schema with {n} relation | Schema with {n} relations", { n: facts.relations }),
    );
  if (facts.kind === "source")
    return lines(
      code(facts.name),
      SOURCE[facts.what],
      plain(facts.columns.slice(0, 30).join(", ")),
    );
  if (facts.kind === "relation") {
    const rows =
      facts.rows === null
        ? t("rows not counted yet")
        : t("about {n} row | about {n} rows", { n: Math.max(0, Math.round(facts.rows)) });
    const columns = t("{n} column | {n} columns", { n: facts.columns });
    return lines(
      code(facts.name),
      `${WHAT[facts.what]} · ${columns} · ${rows}`,
      facts.comment && plain(facts.comment),
    );
  }
  const marks = [
    facts.notNull ? "not null" : "",
    facts.usual === null ? "" : `default ${facts.usual}`,
  ];
  const type = [facts.name, facts.type ?? "?", ...marks].filter(Boolean).join(" ");
  const from = t("Column of {table}", { table: facts.from });
  return lines(
    code(type),
    plain([from, ...facts.keys].join(" · ")),
    facts.comment && plain(facts.comment),
  );
}

function lines(...parts: (string | null)[]): string {
  return parts.filter(Boolean).join("\n\n");
}
