/** A script's text by the simple protocol, as psql sends it: one text, any number of answers, COPY in both directions. */
import type { Answer, QueryOutcome, QueryRequest } from "@quern/psql/session";
import { feedCopy } from "./copy-feed.ts";
import { type FieldDescription, readRowDescription, readText } from "./messages.ts";
import {
  type AnswerRows,
  type answerRows,
  COPY_COLUMN,
  columnsOf,
  storagesOf,
} from "./script-rows.ts";
import type { ScriptWire } from "./script-wire.ts";
import { MESSAGE } from "./wire.ts";

/** What stopped reading before the server was ready. */
type Stop =
  | { stop: "copy_in" | "full" | "ready" }
  | { stop: "columns"; fields: FieldDescription[] }
  | { stop: "copy_out"; is_binary: boolean }
  | { stop: "done"; command: string | null };

type Open = ReturnType<typeof answerRows>;

/** The answer at work; `line` makes a row of a line that COPY gives. */
type Current = {
  rows: AnswerRows | null;
  line: ((buffer: Buffer, start: number, end: number) => Buffer) | null;
};

/** Sends the text and keeps the rows that come back, statement by statement. */
export async function askForResult(
  wire: ScriptWire,
  request: QueryRequest,
  messages: Buffer[],
  open: Open,
  onRepair: (() => void) | null,
): Promise<QueryOutcome> {
  const answers: Answer[] = [];
  const options = { as_text: true, onRepair };
  const current: Current = { rows: null, line: null };
  const next = () => nextStop(wire, current);

  wire.send(...messages);
  for (let stop = await next(); stop.stop !== "ready"; ) {
    switch (stop.stop) {
      case "columns": {
        const storages = storagesOf(stop.fields, "text");
        current.rows = await open(request, columnsOf(stop.fields), storages, options);
        break;
      }
      case "copy_out":
        current.line = stop.is_binary ? hexRow : lineRow;
        current.rows = await open(request, [COPY_COLUMN], [{ kind: "text" }], options);
        break;
      case "full":
        await current.rows?.handOn();
        break;
      case "done":
        await current.rows?.handOn();
        answers.push({ command: stop.command, rows: current.rows?.reader.rows() ?? 0 });
        // An empty statement is none.
        if (stop.command !== null) current.rows ??= await open(request, null, [], options);
        await current.rows?.end(stop.command);
        current.rows = null;
        current.line = null;
        break;
      case "copy_in":
        stop = await feedCopy(wire, request, next);
        continue;
    }
    stop = await next();
  }
  return { answers, error: wire.takeError(), collected: null };
}

/** Reads on until something has to be done outside, such as to hand rows on. */
async function nextStop(wire: ScriptWire, { rows, line }: Current): Promise<Stop> {
  let stop: Stop = { stop: "ready" };
  const at = (found: Stop) => {
    stop = found;
    return true;
  };
  await wire.read((type, buffer, start, end) => {
    switch (type) {
      case MESSAGE.dataRow:
        return rows?.add(buffer, start, end) ? at({ stop: "full" }) : false;
      case MESSAGE.copyData: {
        const row = line?.(buffer, start, end);
        return row && rows?.add(row, 0, row.length) ? at({ stop: "full" }) : false;
      }
      case MESSAGE.rowDescription:
        return at({ stop: "columns", fields: readRowDescription(buffer, start) });
      case MESSAGE.copyOut:
        return at({ stop: "copy_out", is_binary: buffer[start] === 1 });
      case MESSAGE.copyIn:
        return at({ stop: "copy_in" });
      case MESSAGE.commandComplete:
        return at({ stop: "done", command: readText(buffer, start, end) });
      case MESSAGE.emptyQuery:
        return at({ stop: "done", command: null });
      default:
        return false;
    }
  });
  return stop;
}

/** A line of text as the body of a DataRow of one cell, without its line end. */
function lineRow(buffer: Buffer, start: number, end: number): Buffer {
  return oneCell(buffer.subarray(start, buffer[end - 1] === 0x0a ? end - 1 : end));
}

function hexRow(buffer: Buffer, start: number, end: number): Buffer {
  return oneCell(Buffer.from(`\\x${buffer.toString("hex", start, end)}`, "latin1"));
}

function oneCell(bytes: Uint8Array): Buffer {
  const row = Buffer.allocUnsafe(6 + bytes.length);
  row.writeUInt16BE(1, 0);
  row.writeInt32BE(bytes.length, 2);
  row.set(bytes, 6);
  return row;
}
