/** From places of the interpreter, which counts bytes of files, to places in texts as people and editors count them. */
import { closeSync, openSync, readFileSync, readSync, statSync } from "node:fs";
import type { Place } from "@quern/psql/session";
import type { ScriptRequest } from "./messages.ts";

/** In bigger files statements and errors have their lines only. */
const MAX_BYTES = 16 * 1024 * 1024;
const LINE_FEED = 0x0a;
const NOWHERE = { start: 0, end: 0 };

export function scriptPlaces({ files, entry }: Pick<ScriptRequest, "files" | "entry">) {
  let text: Buffer | null | undefined;
  /** The last place that was asked for: statements come in order. */
  let known = { bytes: 0, units: 0 };

  function entryText(): Buffer | null {
    const path = files[entry];
    if (text === undefined) {
      text = path === undefined || statSync(path).size > MAX_BYTES ? null : readFileSync(path);
    }
    return text;
  }

  function unitsAt(bytes: Buffer, offset: number): number {
    const from = offset >= known.bytes ? known : { bytes: 0, units: 0 };
    const units = from.units + bytes.toString("utf8", from.bytes, offset).length;
    known = { bytes: offset, units };
    return units;
  }

  return {
    /** Where a text that was sent stands in the entry; both 0 when it came out of another file. */
    spanOf(place: Place, sql: string): { start: number; end: number } {
      const bytes = place.file === entry ? entryText() : null;
      if (bytes === null) return NOWHERE;
      const start = unitsAt(bytes, place.offset);
      const sent = Buffer.from(sql, "utf8");
      const asWritten = bytes.subarray(place.offset, place.offset + sent.length).equals(sent);
      if (asWritten) return { start, end: start + sql.length };
      const end = lineEnd(bytes, place.offset, place.end_line - place.line);
      return { start, end: start + bytes.toString("utf8", place.offset, end).trimEnd().length };
    },
    /** UTF-16 code units from the start of the file; null when it is too big. */
    offsetIn(file: string, bytes: number): number | null {
      const path = Object.hasOwn(files, file) ? files[file] : undefined;
      if (path === undefined || bytes > MAX_BYTES) return null;
      return readStart(path, bytes).toString("utf8").length;
    },
  };
}

/** Where the line ends that is so many lines further on. */
function lineEnd(bytes: Buffer, from: number, lines: number): number {
  let end = bytes.indexOf(LINE_FEED, from);
  for (let line = 0; line < lines && end !== -1; line += 1) end = bytes.indexOf(LINE_FEED, end + 1);
  return end === -1 ? bytes.length : end;
}

function readStart(path: string, length: number): Buffer {
  const start = Buffer.alloc(length);
  const file = openSync(path, "r");
  try {
    return start.subarray(0, readSync(file, start, 0, length, 0));
  } finally {
    closeSync(file);
  }
}
