/** What a spreadsheet program makes of a file: as much of csv and xlsx as tests need. */
import { inflateRawSync } from "node:zlib";
import type { Cell } from "@quern/contract/results";

/** RFC 4180: an empty field without quotes is NULL here. */
export function csvRows(text: string): Cell[][] {
  const rows: Cell[][] = [];
  let row: Cell[] = [];
  const field = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/gy;
  for (let match = field.exec(text); match !== null; match = field.exec(text)) {
    const [, quoted, plain, end] = match;
    row.push(quoted === undefined ? plain || null : quoted.replaceAll('""', '"'));
    if (end === ",") continue;
    rows.push(row);
    row = [];
  }
  return rows;
}

/** Cells of the first sheet as they were written: numbers as their text. */
export function sheetRows(zip: Buffer): Cell[][] {
  const sheet = unzip(zip)["xl/worksheets/sheet1.xml"] ?? "";
  const width = [...(sheet.match(/<row r="1">.*?<\/row>/s)?.[0] ?? "").matchAll(/<c /g)].length;
  return [...sheet.matchAll(/<row r="\d+">(.*?)<\/row>/gs)].map(([, cells = ""]) => {
    const row: Cell[] = Array.from({ length: width }, () => null);
    for (const [, letters = "", attributes = "", body = ""] of cells.matchAll(
      /<c r="([A-Z]+)\d+"([^>]*)>(.*?)<\/c>/gs,
    )) {
      row[columnOf(letters)] = attributes.includes('t="inlineStr"')
        ? unescapeText(/<t[^>]*>(.*)<\/t>/s.exec(body)?.[1] ?? "")
        : (/<v>(.*)<\/v>/.exec(body)?.[1] ?? null);
    }
    return row;
  });
}

/** Entries of a zip by its central directory. */
function unzip(zip: Buffer): Record<string, string> {
  const entries: Record<string, string> = {};
  for (let at = zip.readUInt32LE(zip.length - 6); zip.readUInt32LE(at) === 0x02014b50; ) {
    const size = zip.readUInt32LE(at + 20);
    const name = zip.readUInt16LE(at + 28);
    const header = zip.readUInt32LE(at + 42);
    const start = header + 30 + zip.readUInt16LE(header + 26) + zip.readUInt16LE(header + 28);
    const bytes = zip.subarray(start, start + size);
    const isStored = zip.readUInt16LE(at + 10) === 0;
    entries[zip.toString("utf8", at + 46, at + 46 + name)] = (
      isStored ? bytes : inflateRawSync(bytes)
    ).toString();
    at += 46 + name + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32);
  }
  return entries;
}

function columnOf(letters: string): number {
  return [...letters].reduce((sum, letter) => sum * 26 + letter.charCodeAt(0) - 64, 0) - 1;
}

function unescapeText(xml: string): string {
  return xml
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&amp;", "&")
    .replace(/_x([0-9A-F]{4})_/g, (_, code) => String.fromCharCode(Number.parseInt(code, 16)));
}
