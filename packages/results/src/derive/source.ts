/** A stored result as a relation of DuckDB. */
import type { Column, Part } from "@quern/contract/results";
import { type Physical, physicalOf } from "../physical.ts";
import { quote } from "../write/duckdb.ts";
import { type StoredColumn, storedColumns } from "./order-keys.ts";

/** A result whose parts are files here. */
export type StagedResult = { columns: Column[]; rows: number; parts: (Part & { path: string })[] };

export type Relation = {
  columns: StoredColumn[];
  /** `c0…cN`, and the side columns `x<i>` of all parts. */
  names: string[];
  sides: number[];
  /** For `from`: the names, and `pos`, which counts in the order of the result. */
  sql: string;
};

/** `kinds` are those of another result with the same columns, for one that has no parts. */
export function relationOf(source: StagedResult, kinds: Physical[], sides: number[]): Relation {
  const names = [
    ...source.columns.map((_, index) => `c${index}`),
    ...sides.map((index) => `x${index}`),
  ];
  const held = new Set(sidesOf(source));
  const selected = names.map((name) =>
    name.startsWith("x") && !held.has(Number(name.slice(1))) ? `null::varchar as ${name}` : name,
  );
  return {
    columns: storedColumns(source.columns, kinds, new Set(sides)),
    names,
    sides,
    sql:
      source.parts.length === 0
        ? emptySql(names, kinds)
        : `(select ${selected.join(", ")}, file_index::hugeint * 1099511627776 + file_row_number as pos from ${filesSql(source)})`,
  };
}

function emptySql(names: string[], kinds: Physical[]): string {
  const typed = names.map(
    (name, index) => `null::${duckDbType(kinds[index] ?? { kind: "text" })} as ${name}`,
  );
  return `(select ${[...typed, "0::hugeint as pos"].join(", ")} where false)`;
}

/** The columns that have a side column in some part. */
export function sidesOf(source: StagedResult): number[] {
  return [...new Set(source.parts.flatMap(({ escapes }) => escapes))].sort((a, b) => a - b);
}

export function filesSql(source: StagedResult): string {
  return `read_parquet([${source.parts.map(({ path }) => quote(path)).join(", ")}], union_by_name = true)`;
}

/** How the columns are kept, by what `describe` says of the files; as declared where there are none. */
export function kindsOf(
  source: StagedResult,
  described: { column_name: string; column_type: string }[],
): Physical[] {
  const types = new Map(described.map((row) => [row.column_name, row.column_type]));
  return source.columns.map(
    (column, index) => kindOf(types.get(`c${index}`)) ?? physicalOf(column),
  );
}

const KINDS: Record<string, Exclude<Physical["kind"], "decimal">> = {
  BOOLEAN: "bool",
  SMALLINT: "int2",
  INTEGER: "int4",
  BIGINT: "int8",
  FLOAT: "float4",
  DOUBLE: "float8",
  DATE: "date",
  TIMESTAMP: "timestamp",
  "TIMESTAMP WITH TIME ZONE": "timestamptz",
  VARCHAR: "text",
};

function kindOf(type: string | undefined): Physical | null {
  const decimal = /^DECIMAL\((\d+),(\d+)\)$/.exec(type ?? "");
  if (decimal) return { kind: "decimal", precision: Number(decimal[1]), scale: Number(decimal[2]) };
  const kind = KINDS[type ?? ""];
  return kind === undefined ? null : { kind };
}

function duckDbType(kind: Physical): string {
  if (kind.kind === "decimal") return `decimal(18, ${kind.scale})`;
  return Object.entries(KINDS).find(([, name]) => name === kind.kind)?.[0] ?? "VARCHAR";
}
