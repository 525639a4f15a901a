import { Buffer } from "node:buffer";
import { Readable } from "node:stream";
import type { Cell, Column } from "@quern/contract/results";
import { ZipFile } from "yazl";
import { type OpenPart, type ResultManifest, streamRows, streamTexts } from "./rows.ts";
import {
  columnLetters,
  contentTypes,
  rootRelations,
  styles,
  workbook,
  workbookRelations,
} from "./xlsx-frame.ts";

/** The format cannot hold this result; the message says which cell, and what to do. */
export class NotExportableError extends Error {
  override name = "NotExportableError";
}

/** What Excel takes: rows of a sheet with its header, and UTF-16 code units of a cell. */
const SHEET_ROWS = 1_048_575;
const CELL_CHARACTERS = 32_767;
/** One time for all files, so that the same result is the same file. */
const MTIME = new Date(Date.UTC(2000, 0, 1));
/** Beyond it the sizes in the zip need 64 bits; XML is several times what the values are. */
const ZIP64_BYTES = 256 * 1024 ** 2;

/**
 * The result as a workbook, further sheets after 1,048,575 rows. Booleans and floats are cells of their type; integers and
 * decimals are numbers up to 15 significant digits, which is what spreadsheets keep, else text; everything else is
 * text as the API gives it. Texts are inline strings, which never are formulas. Throws NotExportableError before the
 * first chunk when a cell is too long.
 */
export async function* xlsx(manifest: ResultManifest, openPart: OpenPart): AsyncGenerator<Buffer> {
  for (const { name } of manifest.columns) refuseLong(name, `The name of a column has`);
  await refuseLongCells(manifest, openPart);
  const sheets = Math.max(1, Math.ceil(manifest.rows / SHEET_ROWS));
  const zip = new ZipFile();
  let fail: (error: unknown) => void = () => {};
  const failed = new Promise<never>((_, reject) => {
    fail = reject;
  });
  // It may fail while nobody waits; who asks for the next chunk learns of it.
  failed.catch(() => {});
  zip.on("error", fail);
  const add = (path: string, xml: string) =>
    zip.addBuffer(Buffer.from(xml), path, { mtime: MTIME, forceDosTimestamp: true });
  add("[Content_Types].xml", contentTypes(sheets));
  add("_rels/.rels", rootRelations());
  add("xl/workbook.xml", workbook(sheets));
  add("xl/_rels/workbook.xml.rels", workbookRelations(sheets));
  add("xl/styles.xml", styles());
  const bytes = manifest.parts.reduce((sum, { size }) => sum + size, 0);
  const options = { mtime: MTIME, forceDosTimestamp: true, forceZip64Format: bytes > ZIP64_BYTES };
  const open = new Set<Readable>();
  for (let sheet = 0; sheet < sheets; sheet += 1) {
    zip.addReadStreamLazy(`xl/worksheets/sheet${sheet + 1}.xml`, options, (give) => {
      const stream = Readable.from(sheetXml(manifest, openPart, sheet * SHEET_ROWS), {
        objectMode: false,
      });
      open.add(stream);
      stream.once("close", () => open.delete(stream));
      stream.once("error", fail);
      give(null, stream);
    });
  }
  zip.end();
  const chunks = zip.outputStream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  try {
    for (;;) {
      const next = await Promise.race([chunks.next(), failed]);
      if (next.done) return;
      yield next.value;
    }
  } finally {
    for (const stream of open) stream.destroy();
  }
}

async function* sheetXml(
  manifest: ResultManifest,
  openPart: OpenPart,
  offset: number,
): AsyncGenerator<Buffer> {
  const { columns } = manifest;
  const letters = columns.map((_, index) => columnLetters(index));
  const writers = columns.map(cellWriter);
  yield Buffer.from(
    `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews><sheetData>` +
      `<row r="1">${columns.map(({ name }, index) => inlineString(`${letters[index]}1`, name, ' s="1"')).join("")}</row>`,
  );
  let line = 2;
  for await (const rows of streamRows(manifest, openPart, { offset, limit: SHEET_ROWS })) {
    let xml = "";
    for (const row of rows) {
      xml += `<row r="${line}">`;
      for (const [index, cell] of row.entries()) {
        if (cell !== null) xml += writers[index]!(`${letters[index]}${line}`, cell);
      }
      xml += "</row>";
      line += 1;
    }
    yield Buffer.from(xml);
  }
  yield Buffer.from("</sheetData></worksheet>");
}

type CellWriter = (at: string, cell: Exclude<Cell, null>) => string;

function cellWriter({ type, source_type }: Column): CellWriter {
  switch (type) {
    case "bool":
      return (at, cell) => `<c r="${at}" t="b"><v>${cell === true ? 1 : 0}</v></c>`;
    case "int2":
    case "int4":
    case "float4":
    case "float8":
      return (at, cell) =>
        typeof cell === "number"
          ? `<c r="${at}"><v>${cell}</v></c>`
          : inlineString(at, String(cell));
    case "int8":
    case "numeric": {
      const scale = Number(/,(\d+)\)$/.exec(source_type)?.[1] ?? 0);
      const style = type === "numeric" && scale >= 1 && scale <= 15 ? ` s="${scale + 1}"` : "";
      return (at, cell) =>
        isShort(String(cell))
          ? `<c r="${at}"${style}><v>${cell}</v></c>`
          : inlineString(at, String(cell));
    }
    default:
      return (at, cell) => inlineString(at, String(cell));
  }
}

/** Whether a spreadsheet keeps this decimal as it is: at most 15 significant digits, and none of its magnitude lost. */
function isShort(text: string): boolean {
  if (text.length > 30 || !/^-?\d+(\.\d+)?$/.test(text)) return false;
  const digits = text.replace(/[-.]/g, "").replace(/^0+/, "");
  return digits.replace(/0+$/, "").length <= 15 && digits.length <= 22;
}

function inlineString(at: string, text: string, style = ""): string {
  const space = /^\s|\s$|\n/.test(text) ? ' xml:space="preserve"' : "";
  return `<c r="${at}" t="inlineStr"${style}><is><t${space}>${escapeText(text)}</t></is></c>`;
}

const MARKUP: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };

/** XML 1.0 has no control characters: they are `_x0001_` as spreadsheets write them, and text that looks so is `_x005F_x0001_`. */
function escapeText(text: string): string {
  return text
    .replace(/_(?=x[0-9A-Fa-f]{4}_)/g, "_x005F_")
    .replace(
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
      /[\0-\x08\x0b-\x1f\ufffe\uffff]/g,
      (char) => `_x${char.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}_`,
    )
    .replace(/[&<>]/g, (char) => MARKUP[char] ?? char);
}

function refuseLong(text: string, what: string): void {
  if (text.length <= CELL_CHARACTERS) return;
  throw new NotExportableError(
    `${what} ${text.length} characters; a cell of a spreadsheet holds ${CELL_CHARACTERS}. Download it as csv, json or parquet, or select a part of it.`,
  );
}

/** Looks at texts only, before the download begins: a cut cell would be a wrong one. */
async function refuseLongCells(manifest: ResultManifest, openPart: OpenPart): Promise<void> {
  let row = 0;
  for await (const { rows, columns } of streamTexts(manifest, openPart, CELL_CHARACTERS)) {
    for (const cells of rows) {
      row += 1;
      for (const [place, index] of columns.entries()) {
        const cell = cells[place];
        if (typeof cell !== "string" || cell.length <= CELL_CHARACTERS) continue;
        refuseLong(cell, `Row ${row} of column "${manifest.columns[index]?.name}" has`);
      }
    }
  }
}
