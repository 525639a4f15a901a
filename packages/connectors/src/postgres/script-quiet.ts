/** A script's text whose rows are thrown away, or collected for the interpreter. */
import { ScriptError } from "@quern/psql/script-error";
import type { Answer, Collected, QueryOutcome, QueryRequest } from "@quern/psql/session";
import { feedCopy } from "./copy-feed.ts";
import { type FieldDescription, readRowDescription, readText, readTextRow } from "./messages.ts";
import type { ScriptWire } from "./script-wire.ts";
import { MESSAGE } from "./wire.ts";

type Bounds = { max_rows: number; max_bytes: number };

/** Sends these messages; of the rows that come back at most what is to be collected is kept. */
export async function askQuietly(
  wire: ScriptWire,
  request: QueryRequest,
  messages: Buffer[],
): Promise<QueryOutcome> {
  const { rows: to } = request;
  const bounds = to.to === "collect" ? to : null;
  const gathered = gather(bounds);
  const next = async (): Promise<"copy_in" | "ready"> => {
    let asked = false;
    await wire.read((type, buffer, start, end) => {
      switch (type) {
        case MESSAGE.dataRow:
          gathered.row(buffer, start, end);
          return false;
        case MESSAGE.rowDescription:
          if (bounds !== null) gathered.columns(readRowDescription(buffer, start));
          return false;
        case MESSAGE.copyIn:
          asked = true;
          return true;
        case MESSAGE.commandComplete:
          gathered.end(readText(buffer, start, end));
          return false;
        case MESSAGE.emptyQuery:
          gathered.end(null);
          return false;
        default:
          return false;
      }
    });
    return asked ? "copy_in" : "ready";
  };

  wire.limits.cut_rows = bounds === null;
  try {
    wire.send(...messages);
    for (let stop = await next(); stop === "copy_in"; ) stop = await feedCopy(wire, request, next);
  } finally {
    wire.limits.cut_rows = false;
  }
  if (gathered.isTooMuch() && bounds !== null) throw tooManyRows(bounds, request);
  return { ...gathered.answer(), error: wire.takeError() };
}

function gather(bounds: Bounds | null) {
  const answers: Answer[] = [];
  let fields: FieldDescription[] = [];
  let kept: Collected["rows"] = [];
  let rows = 0;
  let bytes = 0;
  let tooMuch = false;
  let collected: Collected | null = null;
  return {
    columns(described: FieldDescription[]): void {
      fields = described;
    },
    row(buffer: Buffer, start: number, end: number): void {
      rows += 1;
      if (bounds === null || tooMuch) return;
      bytes += end - start;
      tooMuch = rows > bounds.max_rows || bytes > bounds.max_bytes;
      if (!tooMuch) kept.push(readTextRow(buffer, start));
    },
    end(command: string | null): void {
      answers.push({ command, rows });
      if (fields.length > 0) {
        collected = { columns: fields.map(({ name }) => name.toWellFormed()), rows: kept };
      }
      fields = [];
      kept = [];
      rows = 0;
    },
    isTooMuch: () => tooMuch,
    answer: () => ({ answers, collected }),
  };
}

function tooManyRows({ max_rows, max_bytes }: Bounds, { place }: QueryRequest): ScriptError {
  return new ScriptError({
    code: "too_many_rows",
    message: `The statement gave more than is kept for \\gset and \\gexec: at most ${max_rows} rows and ${max_bytes} bytes. Let it give less.`,
    place,
  });
}
