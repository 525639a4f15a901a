import type { SchemaIndex, SchemaSnapshot, SchemaTable } from "@quern/contract/agent/schema";
import { schemaOf } from "../facts.ts";
import { rowsBelow, tablesOf } from "../facts-relations.ts";
import { advice, fact, fixBy, found, judged, say } from "../finding.ts";
import { qualified, quoted } from "../names.ts";
import type { Fix, Rule } from "../rule.ts";

/** Tables that one fix names. */
const SHOWN = 20;

export const rule: Rule = {
  id: "missing-primary-key",
  title: "Table without a primary key",
  category: "maintenance",
  explanation:
    "Nothing tells its rows apart: duplicates cannot be addressed, and logical replication cannot say which row changed. In a publication, updates and deletes of such a table fail.",
  source:
    "Catalog facts. Critical where a publication sends its updates or deletes and it has no replica identity.",
  weight: { info: 1, warning: 4, critical: 20 },
  caps: false,
  of: "database",
  every_s: 3600,
  needs: ["schema"],
  engines: ["postgres"],
  async judge(subject) {
    const schema = (await schemaOf(subject))!;
    const stats = await tablesOf(subject);
    const tables = schema.tables.filter(
      ({ kind = "r", parent, persistence }) =>
        (kind === "r" || kind === "p") && !parent && persistence !== "t",
    );
    return judged(
      tables.flatMap((table) => {
        const own = schema.indexes.filter(
          (index) => index.schema === table.schema && index.table === table.name,
        );
        const sent = (schema.publications?.length ? sentOf(table, schema.tables) : [])
          .map((each) => ({ at: qualified(each), fails: publicationsThatFail(each, schema) }))
          .filter(({ fails }) => fails.length > 0);
        const failing = [...new Set(sent.flatMap(({ fails }) => fails))];
        const unsent = sent.slice(0, SHOWN).map(({ at }) => at);
        const keyed = own.some((index) => isKey(index, table));
        if (keyed && failing.length === 0) return [];
        const object = qualified(table);
        const evidence = [
          fact("rows", rowsBelow(stats, table.schema, table.name), "count"),
          fact("replica_identity", IDENTITIES[table.replica_identity ?? "d"], "text"),
          ...(failing.length > 0 ? [fact("publications", failing.join(", "), "text")] : []),
        ];
        const severity = failing.length > 0 ? "critical" : "info";
        return [
          found(object, severity, evidence, {
            fix: keyed ? identityFix(unsent) : fixFor(table, own, unsent),
          }),
        ];
      }),
    );
  },
};

const IDENTITIES = { d: "default", n: "nothing", f: "full", i: "index" };

/** Partitions have an identity each, which their parent's does not change. */
function identityOf(objects: readonly string[], identity: "default" | "full"): string {
  return objects.map((each) => `alter table ${each} replica identity ${identity};`).join("\n");
}

function identityFix(unsent: readonly string[]): Fix {
  return fixBy(
    identityOf(unsent, "default"),
    "It has a key, but its replica identity says to use none.",
  );
}

function fixFor(table: SchemaTable, own: readonly SchemaIndex[], unsent: readonly string[]): Fix {
  const replicated = unsent.length > 0;
  if (table.kind === "p" && !replicated)
    return advice(
      say(
        "The key of a partitioned table has to hold what it is partitioned by ({partition_key}): make it of those columns and others that tell its rows apart.",
        { partition_key: table.partition_key ?? "…" },
      ),
    );
  const add = keyFor(table, own);
  return replicated
    ? fixBy(
        identityOf(unsent, "full"),
        say(
          "Until it has a key, whole rows can tell them apart, which is slow on the subscriber. Better a key: {sql}",
          { sql: add },
        ),
      )
    : fixBy(
        add,
        "Make a key of columns that are unique already, or add one. Adding a column of its own rewrites the table under a lock.",
        true,
      );
}

/** Out of a unique index whose columns may be null so far, or a new column. */
function keyFor(table: SchemaTable, own: readonly SchemaIndex[]): string {
  const object = qualified(table);
  const unique = own.find(
    (index) =>
      index.is_unique &&
      index.is_valid !== false &&
      !index.predicate &&
      !index.constraint &&
      index.keys?.every(({ column }) => column !== null),
  );
  if (unique !== undefined) {
    const columns = unique.keys!.map(
      ({ column }) => `alter column ${quoted(column!)} set not null`,
    );
    return `alter table ${object} ${columns.join(", ")}, add primary key using index ${quoted(unique.name)};`;
  }
  const taken = new Set(table.columns.map(({ name }) => name));
  const name = ["id", `${table.name}_id`, "row_id"].find((each) => !taken.has(each)) ?? "key_id";
  return `alter table ${object} add column ${quoted(name)} bigint generated always as identity primary key;`;
}

/** A primary key, or a unique index of all rows on columns that are never null. */
function isKey(index: SchemaIndex, table: SchemaTable): boolean {
  if (index.is_valid === false) return false;
  if (index.is_primary) return true;
  if (!index.is_unique || index.predicate) return false;
  const columns = index.keys?.map(({ column }) => column) ?? index.columns;
  return columns.every((name) =>
    table.columns.some((column) => column.name === name && !column.nullable),
  );
}

/** What publications name: of a partitioned table its partitions as well, which send unless it is told to. */
function sentOf(table: SchemaTable, all: readonly SchemaTable[]): SchemaTable[] {
  if (table.kind !== "p") return [table];
  const name = `${table.schema}.${table.name}`;
  const parts = all.filter(({ parent }) => parent === name);
  return [table, ...parts.flatMap((part) => sentOf(part, all))];
}

/** Publications that send updates or deletes, for which nothing identifies a row of this table. */
function publicationsThatFail(
  table: SchemaTable,
  { publications = [], indexes }: SchemaSnapshot,
): string[] {
  const own = indexes.filter(
    (index) => index.schema === table.schema && index.table === table.name,
  );
  const identity = table.replica_identity ?? "d";
  const identified =
    identity === "f" ||
    (identity === "i" && own.some(({ is_replica_identity }) => is_replica_identity)) ||
    (identity === "d" && own.some(({ is_primary }) => is_primary));
  if (identified || table.persistence === "u") return [];
  return publications
    .filter(({ updates, deletes }) => updates || deletes)
    .filter(
      ({ all_tables, tables }) => all_tables || tables.includes(`${table.schema}.${table.name}`),
    )
    .map(({ name }) => name);
}
