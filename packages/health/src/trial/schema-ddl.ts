/** A schema as an agent sent it, as what makes it again: one item for each object, and what cannot be made at all. */
import type { SequenceStats } from "@quern/contract/agent/relations";
import type { SchemaConstraint, SchemaSnapshot, SchemaTable } from "@quern/contract/agent/schema";
import type { TrialGap } from "@quern/contract/health/trials";
import { literal } from "@quern/contract/postgres-literal";
import { qualified, quoted } from "../advisors/names.ts";
import { type Ddl, gap, hasLiterals, type Item, item, several } from "./ddl.ts";
import { indexItems } from "./index-items.ts";
import { tableItems } from "./table-items.ts";

/** Extensions of the sandbox, and whether a script may create them by itself. */
export type Offered = ReadonlyMap<string, { trusted: boolean }>;

/** Only watch: no plan hangs on them. */
const WATCHING = new Set(
  `plpgsql pg_stat_statements pg_buffercache pg_prewarm pgstattuple pg_visibility pg_freespacemap pgrowlocks amcheck
  pg_wait_sampling pg_stat_kcache pg_cron pgaudit auto_explain hypopg pg_repack pg_walinspect pageinspect`.split(
    /\s+/,
  ),
);

/**
 * Everything in the order in which it can be made. `sequences` are of another section of the payload. Names are quoted
 * here; definitions and expressions are the server's own texts and taken as they are: sandboxes are made for SQL that
 * nobody trusts.
 */
export function schemaDdl(
  snapshot: SchemaSnapshot,
  sequences: readonly SequenceStats[],
  offered: Offered,
): Ddl & { extensions: string[] } {
  const { tables, indexes, constraints = [] } = snapshot;
  const made = tables.filter(({ kind }) => kind !== "v" && kind !== "f");
  const names = new Set(made.map(qualified));
  const extensions = extensionItems(snapshot, offered);
  const relations = tableItems(made);
  const defaults = defaultItems(made, sequences);
  const keys = constraintItems(constraints.filter(of(names)));
  const own = indexItems(indexes.filter(of(names)), constraints);
  return {
    extensions: extensions.asked,
    items: [
      ...schemasOf(snapshot).map((name) =>
        item("schema", quoted(name), `create schema if not exists ${quoted(name)}`),
      ),
      ...extensions.items,
      ...sequences
        .filter(
          ({ columns }) =>
            columns.length === 0 ||
            columns.some(({ schema, table }) => names.has(qualified({ schema, name: table }))),
        )
        .map(sequenceItem),
      ...relations.items,
      ...defaults.items,
      ...keys.keys,
      ...own.items,
      ...keys.others,
    ],
    gaps: [
      ...extensions.gaps,
      ...relations.gaps,
      ...defaults.gaps,
      ...keys.gaps,
      ...own.gaps,
      ...several("view", tables.filter(({ kind }) => kind === "v").length, "not_sent"),
      ...several("foreign_table", tables.filter(({ kind }) => kind === "f").length, "not_sent"),
    ],
  };
}

function of(names: ReadonlySet<string>) {
  return ({ schema, table }: { schema: string; table: string }) =>
    names.has(qualified({ schema, name: table }));
}

function schemasOf({ schemas = [], tables, extensions = [] }: SchemaSnapshot): string[] {
  const named = [
    ...schemas.map(({ name }) => name),
    ...tables.map(({ schema }) => schema),
    ...extensions.map(({ schema }) => schema),
  ];
  return [...new Set(named)].filter((name) => !/^pg_|^information_schema$/.test(name));
}

/** What scripts may not create by themselves the environment is asked for, which puts it into `public`. */
function extensionItems({ extensions = [] }: SchemaSnapshot, offered: Offered) {
  const wanted = extensions.filter(({ name }) => !WATCHING.has(name));
  const missing = wanted.filter(({ name }) => !offered.has(name));
  const trusted = wanted.filter(({ name }) => offered.get(name)?.trusted);
  return {
    asked: wanted.map(({ name }) => name).filter((name) => offered.get(name)?.trusted === false),
    items: trusted.map(({ name, schema }) =>
      item(
        "extension",
        quoted(name),
        `create extension if not exists ${quoted(name)} schema ${quoted(schema)} cascade`,
      ),
    ),
    gaps: missing.map(({ name }) => gap("extension", quoted(name), "extension_missing")),
  };
}

function sequenceItem({ schema, sequence, data_type, increment, cycles }: SequenceStats): Item {
  const object = qualified({ schema, name: sequence });
  const type = /^(smallint|integer|bigint)$/.test(data_type) ? ` as ${data_type}` : "";
  const step = /^-?\d+$/.test(String(increment)) ? ` increment ${increment}` : "";
  // The one of an identity column is made with its table, and then it is there.
  return item(
    "sequence",
    object,
    `create sequence if not exists ${object}${type}${step}${cycles ? " cycle" : ""}`,
  );
}

function defaultItems(tables: readonly SchemaTable[], sequences: readonly SequenceStats[]): Ddl {
  const fed = new Map(
    sequences.flatMap(({ schema, sequence, columns }) =>
      columns.map((column) => [
        `${qualified({ schema: column.schema, name: column.table })}.${quoted(column.column)}`,
        qualified({ schema, name: sequence }),
      ]),
    ),
  );
  const items: Item[] = [];
  let lost = 0;
  for (const table of tables) {
    for (const { name, default: text, generated = "", identity = "" } of table.columns) {
      if (text === null || generated !== "" || identity !== "") continue;
      const object = `${qualified(table)}.${quoted(name)}`;
      const sequence = /^nextval\(\$\d+::regclass\)$/.test(text) ? fed.get(object) : undefined;
      const value = sequence === undefined ? text : `nextval(${literal(sequence)}::regclass)`;
      if (hasLiterals(value.replace(/'[^']*'/g, ""))) lost += 1;
      else
        items.push(
          item(
            "default",
            object,
            `alter table only ${qualified(table)} alter column ${quoted(name)} set default ${value}`,
          ),
        );
    }
  }
  return { items, gaps: several("default", lost, "literals") };
}

/** Keys before all that may lean on them. Those of partitions come with their parent's. */
function constraintItems(constraints: readonly SchemaConstraint[]) {
  const [keys, others]: [Item[], Item[]] = [[], []];
  let checks = 0;
  const gaps: TrialGap[] = [];
  for (const { schema, table, name, type, definition, inherited } of constraints) {
    const on = qualified({ schema, name: table });
    const object = `${on}.${quoted(name)}`;
    if (type === "x" && !inherited)
      gaps.push(gap("constraint", object, "not_sent", { how: "replaced", detail: "index" }));
    if (inherited || definition === null || !["p", "u", "f", "c"].includes(type)) continue;
    if (type === "c" && hasLiterals(definition)) {
      checks += 1;
      continue;
    }
    const what = type === "c" ? `check (${definition})` : definition;
    const add = `alter table ${on} add constraint ${quoted(name)} ${what}`;
    const kind = type === "c" ? "check" : "constraint";
    (type === "p" || type === "u" ? keys : others).push(item(kind, object, add));
  }
  return { keys, others, gaps: [...gaps, ...several("check", checks, "literals")] };
}
