/** Cells as text for the clipboard, exact in every format. */
import type { Cell, Column } from "@quern/contract/results";
import { uniqueNames } from "@quern/results/read/names";
import { quoteIdentifier } from "../sql/tokens.ts";
import { cellText, toTsv } from "./tsv.ts";

export type CopyFormat = "tsv" | "csv" | "markdown" | "json" | "values" | "insert";

/** Cells of a selection and the columns that they stand in, both in the order of the screen. */
export type Copied = { columns: Column[]; rows: Cell[][] };

/** `withNames`: a first line of column names, for the formats that may have one. */
export function copyAs(format: CopyFormat, copied: Copied, withNames: boolean): string {
  const names = copied.columns.map(({ name }) => name);
  switch (format) {
    case "tsv":
      return toTsv(copied.rows, withNames ? names : undefined);
    case "csv":
      return csv(copied.rows, withNames ? names : null);
    case "markdown":
      return markdown(copied.rows, names);
    case "json":
      return json(copied);
    case "values":
      return `values\n${tuples(copied, true)}`;
    case "insert":
      return insert(copied);
  }
}

/** RFC 4180. NULL is an empty field, empty text is `""`. */
function csv(rows: Cell[][], names: string[] | null): string {
  const quote = (text: string) =>
    text === "" || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  const lines = rows.map((row) =>
    row.map((cell) => (cell === null ? "" : quote(cellText(cell)))).join(","),
  );
  return [...(names === null ? [] : [names.map(quote).join(",")]), ...lines].join("\r\n");
}

/** A table of GitHub's Markdown, whose first line has to be names. */
function markdown(rows: Cell[][], names: string[]): string {
  const escaped = (text: string) =>
    text.replace(/[\\|`*_<>[\]]/g, "\\$&").replace(/\r\n|\r|\n/g, "<br>");
  const line = (cells: string[]) => `| ${cells.join(" | ")} |`;
  return [
    line(names.map(escaped)),
    line(names.map(() => "---")),
    ...rows.map((row) =>
      line(row.map((cell) => (cell === null ? "NULL" : escaped(cellText(cell))))),
    ),
  ].join("\n");
}

/** An array of objects. Numbers that a JavaScript number cannot hold are strings; jsonb is put in as it is. */
function json({ columns, rows }: Copied): string {
  const keys = uniqueNames(columns.map(({ name }) => name)).map((name) => JSON.stringify(name));
  const objects = rows.map((row) => {
    const members = columns.map(
      (column, at) => `${keys[at]}: ${jsonValue(row[at] ?? null, column)}`,
    );
    return `  {${members.join(", ")}}`;
  });
  return objects.length === 0 ? "[]" : `[\n${objects.join(",\n")}\n]`;
}

function jsonValue(cell: Cell, { type }: Column): string {
  if (typeof cell !== "string") return JSON.stringify(cell);
  if (type === "json" && isJson(cell)) return cell;
  const isExact = (type === "int8" || type === "numeric") && String(Number(cell)) === cell;
  return isExact ? cell : JSON.stringify(cell);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}

function insert(copied: Copied): string {
  const names = uniqueNames(copied.columns.map(({ name }) => name)).map(quoteIdentifier);
  return `insert into table_name (${names.join(", ")}) values\n${tuples(copied, false)};`;
}

function tuples({ columns, rows }: Copied, typed: boolean): string {
  return rows
    .map(
      (row) =>
        `  (${columns.map((column, at) => literal(row[at] ?? null, column, typed)).join(", ")})`,
    )
    .join(",\n");
}

const BARE = /^-?\d+(\.\d+)?$/;
const EXACT = new Set<Column["type"]>(["int2", "int4", "int8", "numeric"]);

/** A cell in SQL. `typed` casts what would otherwise be read as another type; an insert knows its columns' types. */
export function literal(cell: Cell, { type, source_type }: Column, typed: boolean): string {
  if (cell === null) return typed && type !== "text" ? `null::${source_type}` : "null";
  if (typeof cell === "boolean") return String(cell);
  const text = String(cell);
  if (EXACT.has(type) && BARE.test(text)) {
    const readsAsItself = type === "int4" || (type === "numeric" && text.includes("."));
    // In brackets: the least bigint without its sign is none.
    return typed && !readsAsItself ? `(${text})::${source_type}` : text;
  }
  const quoted = `'${text.replaceAll("'", "''")}'`;
  return typed && source_type !== "text" ? `${quoted}::${source_type}` : quoted;
}
