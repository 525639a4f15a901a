import type { SchemaTable } from "@quern/contract/agent/schema";
import { schemaOf } from "../facts.ts";
import { advice, fact, found, judged } from "../finding.ts";
import { qualified, quoted } from "../names.ts";
import type { Rule } from "../rule.ts";

/** Columns that are named in one finding. */
const SHOWN = 20;

type Lint = {
  key: string;
  what: string;
  words: string;
  isOne(column: SchemaTable["columns"][number]): boolean;
};

const LINTS: readonly Lint[] = [
  {
    key: "json",
    what: "json instead of jsonb",
    words:
      "jsonb is parsed once, can be indexed and compared. json keeps white space and the order of keys, which few need.",
    isOne: ({ data_type }) => data_type === "json",
  },
  {
    key: "char",
    what: "character(n)",
    words:
      "It is padded with blanks, which count in some comparisons and not in others. Use text, with a check of its length.",
    isOne: ({ data_type }) =>
      /^(character|char|bpchar)\(\d+\)$/.test(data_type) && !/\(1\)$/.test(data_type),
  },
  {
    key: "money",
    what: "money",
    words:
      "Its currency is a setting of the session, and it has as many digits as that says. Use numeric beside a currency.",
    isOne: ({ data_type }) => data_type === "money",
  },
  {
    key: "timestamp",
    what: "timestamp without time zone",
    words:
      "It does not say which instant it is. Use timestamptz for what happened, and this for wall clocks alone.",
    isOne: ({ data_type }) => /^timestamp(\(\d\))? without time zone$/.test(data_type),
  },
  {
    key: "serial",
    what: "serial instead of identity",
    words: "An identity column owns its sequence and needs no right of its own on it.",
    isOne: ({ default: text, identity }) => !identity && /^nextval\(/i.test(text ?? ""),
  },
];

/** Tables that tools of migrations make and own: nobody can make them otherwise. */
const BOOKKEEPING = new Set([
  ...["pgmigrations", "schema_migrations", "schema_migration", "schema_version", "migrations"],
  ...["flyway_schema_history", "databasechangelog", "databasechangeloglock", "alembic_version"],
  ...["django_migrations", "knex_migrations", "knex_migrations_lock", "_prisma_migrations"],
  ...["__drizzle_migrations", "ar_internal_metadata", "goose_db_version", "gorp_migrations"],
  ...["_sqlx_migrations", "__diesel_schema_migrations", "__efmigrationshistory", "sequelizemeta"],
  ...["typeorm_metadata", "kysely_migration", "kysely_migration_lock", "atlas_schema_revisions"],
]);

export const rule: Rule = {
  id: "column-types",
  title: "Column types that there are better ones for",
  category: "maintenance",
  explanation:
    "These types work, and have surprises that newer ones have not. One finding for each kind, to look at when the schema is worked on anyway; it costs no points, and is muted until somebody unmutes it.",
  source: "The PostgreSQL wiki's “Don't do this”. No threshold.",
  weight: { info: 0, warning: 0, critical: 0 },
  caps: false,
  quiet: true,
  of: "database",
  every_s: 6 * 3600,
  needs: ["schema"],
  engines: ["postgres"],
  async judge(subject) {
    const { tables } = (await schemaOf(subject))!;
    const own = tables.filter(
      ({ kind = "r", parent, name }) =>
        (kind === "r" || kind === "p") && !parent && !BOOKKEEPING.has(name.toLowerCase()),
    );
    return judged(
      LINTS.flatMap((lint) => {
        const columns = own.flatMap((table) => columnsOf(table, lint));
        if (columns.length === 0) return [];
        const evidence = [
          fact("kind", lint.what, "text"),
          fact("columns", columns.length, "count", 1),
          fact("for_example", columns.slice(0, SHOWN).join(", "), "text"),
        ];
        return [found(lint.key, "info", evidence, { fix: advice(lint.words) })];
      }),
    );
  },
};

function columnsOf(table: SchemaTable, { isOne }: Lint): string[] {
  return table.columns.filter(isOne).map(({ name }) => `${qualified(table)}.${quoted(name)}`);
}
