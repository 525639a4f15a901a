import type { Cell } from "@quern/contract/results";

/** What a cell is as text: NULL is empty, as spreadsheets take it. */
export function cellText(cell: Cell): string {
  if (cell === null) return "";
  return typeof cell === "string" ? cell : String(cell);
}

/** Rows as tab-separated text. A cell with a tab, a quote or a line end is quoted, which spreadsheets undo. */
export function toTsv(rows: Cell[][], header?: string[]): string {
  const lines = rows.map((row) => row.map((cell) => quote(cellText(cell))).join("\t"));
  if (header) lines.unshift(header.map(quote).join("\t"));
  return lines.join("\n");
}

function quote(text: string): string {
  return /[\t\n\r"]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
