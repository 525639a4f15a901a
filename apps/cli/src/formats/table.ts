/** Rows as psql shows them: aligned under their heads, or a line for each column where they are too wide. */
import type { Cell, Column } from "@quern/contract/results";
import { type Colours, printable } from "../colours.ts";
import { displayWidth, padded } from "./width.ts";

const NUMERIC = new Set(["int2", "int4", "int8", "float4", "float8", "numeric"]);
/** Widths are those of the first rows; a longer cell further down pushes its line. */
const MEASURED_ROWS = 1_000;
/** A column is not made wider than this for one long cell. */
const WIDEST = 200;

/** `columns`: of the terminal; null when there is none to fit into. */
export async function* table(
  columns: Column[],
  chunks: AsyncIterable<Cell[][]>,
  look: { colours: Colours; columns: number | null },
): AsyncGenerator<string> {
  const heads = columns.map(({ name }) => cellText(name));
  const source = chunks[Symbol.asyncIterator]();
  const first: Cell[][] = [];
  let next = await source.next();
  while (!next.done && first.length < MEASURED_ROWS) {
    first.push(...next.value);
    next = await source.next();
  }
  const widths = heads.map((head, index) =>
    first
      .slice(0, MEASURED_ROWS)
      .reduce(
        (width, row) => Math.max(width, Math.min(WIDEST, displayWidth(cellText(row[index]!)))),
        Math.max(1, displayWidth(head)),
      ),
  );
  const total = widths.reduce((sum, width) => sum + width + 3, -1);
  const expanded = look.columns !== null && total > look.columns && columns.length > 1;
  const lines = expanded
    ? expandedLines(heads, look.colours)
    : alignedLines(columns, widths, look.colours);
  if (!expanded) yield headLines(heads, widths, look.colours);
  let count = 0;
  for (let rows: Cell[][] = first; ; rows = next.value, next = await source.next()) {
    if (rows.length > 0) yield rows.map((row) => lines(row, ++count)).join("");
    if (next.done) break;
  }
  yield `${look.colours.dim(`(${count} ${count === 1 ? "row" : "rows"})`)}\n`;
}

/** Items of a list by their fields, aligned; what `quern jobs` and its like print. */
export function listTable(
  heads: readonly string[],
  rows: readonly (readonly string[])[],
  colours: Colours,
): string {
  const widths = heads.map((head, index) =>
    Math.max(displayWidth(head), ...rows.map((row) => displayWidth(row[index] ?? ""))),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, index) => (index === cells.length - 1 ? cell : padded(cell, widths[index]!)))
      .join("  ");
  return `${[colours.dim(line(heads)), ...rows.map(line)].join("\n")}\n`;
}

function headLines(heads: string[], widths: number[], { bold }: Colours): string {
  const names = heads.map((head, index) => bold(padded(head, widths[index]!, "center")));
  return ` ${names.join(" | ")}\n${widths.map((width) => "-".repeat(width + 2)).join("+")}\n`;
}

function alignedLines(columns: Column[], widths: number[], { dim }: Colours) {
  return (row: Cell[]) => {
    const cells = row.map((cell, index) => {
      const side = NUMERIC.has(columns[index]!.type) ? "right" : "left";
      const last = index === row.length - 1 && side === "left";
      const text = last ? cellText(cell) : padded(cellText(cell), widths[index]!, side);
      return cell === null ? dim(text) : text;
    });
    return ` ${cells.join(" | ")}\n`;
  };
}

function expandedLines(heads: string[], { bold, dim }: Colours) {
  const width = Math.max(...heads.map(displayWidth));
  return (row: Cell[], number: number) =>
    dim(`-[ ${number} ]-`) +
    "\n" +
    row
      .map((cell, index) => {
        const text = cellText(cell);
        return `${bold(padded(heads[index]!, width))} | ${cell === null ? dim(text) : text}\n`;
      })
      .join("");
}

/** In one line, and without what would act on the terminal. */
function cellText(cell: Cell): string {
  return cell === null
    ? "NULL"
    : printable(String(cell).replace(/\r?\n/g, "↵").replaceAll("\t", " "));
}
