/** What differs between two schemas. */
import type { SchemaSnapshot } from "@quern/contract/agent/schema";
import type { SchemaChange } from "@quern/contract/health/server";

type Thing = Record<string, unknown>;
/** They change without anybody changing the schema. */
const MOVING = new Set([
  "row_count_estimate",
  "size_bytes",
  "relid",
  "statistics",
  "columns",
  "position",
]);
/** What earlier agents did not send: that it is there after an update of the agent is no change. */
const LATER = new Set(["definition"]);

/** In order of type and name; a column is a change of its own, not one of its table. */
export function schemaChanges(before: SchemaSnapshot, after: SchemaSnapshot): SchemaChange[] {
  const compare = (
    type: SchemaChange["type"],
    list: (schema: SchemaSnapshot) => readonly Thing[] | undefined,
    nameOf: (thing: Thing) => string,
  ) => differences(type, list(before) ?? [], list(after) ?? [], nameOf);
  const ofTable = ({ schema, table, name }: Thing) => `${schema}.${table}.${name}`;
  const ofSchema = ({ schema, name }: Thing) => `${schema}.${name}`;
  return [
    ...compare(
      "schema",
      (schema) => schema.schemas,
      ({ name }) => String(name),
    ),
    ...compare(
      "extension",
      (schema) => schema.extensions,
      ({ name }) => String(name),
    ),
    ...compare("table", (schema) => schema.tables, ofSchema),
    ...compare("column", columnsOf(before, after), ofTable),
    ...compare("index", (schema) => schema.indexes.map(indexColumns), ofSchema),
    ...compare("constraint", (schema) => schema.constraints?.map(constraintColumns), ofTable),
    ...compare("trigger", (schema) => schema.triggers, ofTable),
    ...compare(
      "routine",
      (schema) => schema.routines,
      ({ schema, name, arguments: args }) => `${schema}.${name}(${args})`,
    ),
    ...compare(
      "publication",
      (schema) => schema.publications,
      ({ name }) => String(name),
    ),
  ];
}

/** Without indexes, constraints and triggers that came or went with their table: for whoever reads of it that is one change. */
export function withoutParts(changes: readonly SchemaChange[]): SchemaChange[] {
  const tables = new Set(
    changes.flatMap(({ type, change, object }) =>
      type === "table" ? [`${change} ${object}`] : [],
    ),
  );
  return changes.filter(({ change, before, after }) => {
    const { schema, table } = (after ?? before) as Thing;
    return (
      change === "changed" || table === undefined || !tables.has(`${change} ${schema}.${table}`)
    );
  });
}

/** Columns of tables that are in both: those of a new or dropped table go with it. */
function columnsOf(
  before: SchemaSnapshot,
  after: SchemaSnapshot,
): (schema: SchemaSnapshot) => Thing[] {
  const names = (schema: SchemaSnapshot) =>
    new Set(schema.tables.map(({ schema, name }) => `${schema}\u0001${name}`));
  const [old, now] = [names(before), names(after)];
  return (snapshot) =>
    snapshot.tables
      .filter(
        ({ schema, name }) =>
          old.has(`${schema}\u0001${name}`) && now.has(`${schema}\u0001${name}`),
      )
      .flatMap((table) =>
        table.columns.map((column) => ({ ...column, schema: table.schema, table: table.name })),
      );
}

/** Their columns are what they are, unlike a table's. */
const indexColumns = ({ columns, ...index }: Thing): Thing => ({ ...index, key_columns: columns });
const constraintColumns = indexColumns;

function differences(
  type: SchemaChange["type"],
  before: readonly Thing[],
  after: readonly Thing[],
  nameOf: (thing: Thing) => string,
): SchemaChange[] {
  const old = new Map(before.map((thing) => [nameOf(thing), thing]));
  const now = new Map(after.map((thing) => [nameOf(thing), thing]));
  const names = [...new Set([...old.keys(), ...now.keys()])].sort();
  return names.flatMap((object): SchemaChange[] => {
    const [left, right] = [old.get(object), now.get(object)];
    if (left === undefined)
      return [{ type, change: "added", object, before: null, after: right, fields: [] }];
    if (right === undefined)
      return [{ type, change: "removed", object, before: left, after: null, fields: [] }];
    const fields = [...new Set([...Object.keys(left), ...Object.keys(right)])].filter(
      (field) =>
        !MOVING.has(field) &&
        !(LATER.has(field) && (left[field] === undefined || right[field] === undefined)) &&
        JSON.stringify(left[field]) !== JSON.stringify(right[field]),
    );
    return fields.length === 0
      ? []
      : [{ type, change: "changed", object, before: left, after: right, fields }];
  });
}
