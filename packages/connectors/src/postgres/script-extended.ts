/**
 * One statement of a script by the extended protocol, so that its cells come in binary, and reading can stop at a limit.
 * To the statement it makes no difference: alone in its text it is a transaction of its own in either protocol.
 */
import type { QueryOutcome, QueryRequest, ServerError } from "@quern/psql/session";
import {
  bind,
  closePortal,
  describePortal,
  describeStatement,
  executePortal,
  type FieldDescription,
  flush,
  parse,
  readRowDescription,
  readText,
  readTextRow,
  sync,
} from "./messages.ts";
import { type AnswerRows, type answerRows, columnsOf, storagesOf, typeKey } from "./script-rows.ts";
import type { ScriptWire } from "./script-wire.ts";
import { sliceRows } from "./slices.ts";
import { formatCode, sourceType } from "./types.ts";
import { MESSAGE } from "./wire.ts";

type Open = ReturnType<typeof answerRows>;

const NOTHING = { answers: [], collected: null };

/** Executes it and keeps its rows, at most `max_rows` of them. */
export async function askExtended(
  wire: ScriptWire,
  request: QueryRequest,
  open: Open,
  options: { max_rows: number; onRepair: (() => void) | null },
): Promise<QueryOutcome> {
  const { sql, params } = request;
  const preparing = [parse("", sql, []), describeStatement(""), sync()];
  const { fields, error } = await describe(wire, preparing, params?.length ?? 0);
  if (error !== null) return { ...NOTHING, error };
  if (fields === null) return await executeWithoutRows(wire, request, open);

  const unknown = fields.filter((field) => sourceType(field.type_oid, field.typmod) === null);
  const names = await typeNames(wire, unknown);
  // Any other question makes the server forget the statement that has no name.
  const again = unknown.length > 0 ? [parse("", sql, [])] : [];
  const storages = storagesOf(fields, "binary");
  const rows = await open(request, columnsOf(fields, names), storages, {
    as_text: false,
    onRepair: options.onRepair,
  });
  const opening = [...again, bind("", params ?? [], storages.map(formatCode))];
  const { command, failed } = await readSlices(wire, rows, opening, options.max_rows);
  wire.send(...(failed ? [] : [closePortal()]), sync());
  await untilReady(wire);
  const late = wire.takeError();
  if (late !== null) return { ...NOTHING, error: late };
  await rows.end(command);
  return { answers: [{ command, rows: rows.reader.rows() }], error: null, collected: null };
}

async function describe(wire: ScriptWire, messages: Buffer[], given: number) {
  let fields: FieldDescription[] | null = null;
  let parameters = 0;
  wire.send(...messages);
  await wire.read((type, buffer, start) => {
    if (type === MESSAGE.parameterDescription) parameters = buffer.readUInt16BE(start);
    if (type === MESSAGE.rowDescription) fields = readRowDescription(buffer, start);
    return false;
  });
  const error = wire.takeError() ?? (parameters > given ? noParameter(given + 1) : null);
  return { fields: fields as FieldDescription[] | null, error };
}

/** What the server says of `$1` in the simple protocol, which has no parameters. */
function noParameter(number: number): ServerError {
  return {
    sqlstate: "42P02",
    message: `there is no parameter $${number}`,
    position: null,
    detail: null,
    hint: null,
  };
}

async function executeWithoutRows(
  wire: ScriptWire,
  request: QueryRequest,
  open: Open,
): Promise<QueryOutcome> {
  const rows = await open(request, null, [], { as_text: false, onRepair: null });
  let command: string | null = null;
  wire.send(bind("", request.params ?? [], []), executePortal(0), sync());
  await wire.read((type, buffer, start, end) => {
    if (type === MESSAGE.commandComplete) command = readText(buffer, start, end);
    return false;
  });
  const error = wire.takeError();
  if (error !== null) return { ...NOTHING, error };
  await rows.end(command);
  return { answers: [{ command, rows: 0 }], error: null, collected: null };
}

async function readSlices(
  wire: ScriptWire,
  rows: AnswerRows,
  opening: Buffer[],
  maxRows: number,
): Promise<{ command: string | null; failed: boolean }> {
  let command: string | null = null;
  let failed = false;
  wire.send(...opening, executePortal(sliceRows(rows.reader, maxRows)), flush());
  for (;;) {
    let stop: "full" | "suspended" | "over" = "over";
    await wire.read((type, buffer, start, end) => {
      switch (type) {
        case MESSAGE.dataRow:
          if (!rows.add(buffer, start, end)) return false;
          stop = "full";
          return true;
        case MESSAGE.portalSuspended:
          stop = "suspended";
          return true;
        case MESSAGE.commandComplete:
          command = readText(buffer, start, end);
          return true;
        case MESSAGE.emptyQuery:
          return true;
        case MESSAGE.error:
          failed = true;
          return true;
        default:
          return false;
      }
    });
    await rows.handOn();
    const stopped = stop as "full" | "suspended" | "over";
    if (stopped === "over" || (stopped === "suspended" && rows.truncated() !== null))
      return { command, failed };
    if (stopped === "suspended") wire.send(executePortal(sliceRows(rows.reader, maxRows)), flush());
  }
}

async function untilReady(wire: ScriptWire): Promise<void> {
  while (!(await wire.read(() => false)));
}

/** The names of types that only the catalog knows, by `typeKey`. */
async function typeNames(
  wire: ScriptWire,
  fields: FieldDescription[],
): Promise<Map<string, string>> {
  const names = new Map<string, string>();
  if (fields.length === 0) return names;
  wire.send(
    parse(
      "",
      `select t.oid, t.typmod, pg_catalog.format_type(t.oid, t.typmod)
         from unnest($1::pg_catalog.oid[], $2::pg_catalog.int4[]) as t(oid, typmod)`,
      [],
    ),
    bind(
      "",
      [
        `{${fields.map((field) => field.type_oid).join()}}`,
        `{${fields.map((field) => field.typmod).join()}}`,
      ],
      [0],
    ),
    describePortal(),
    executePortal(0),
    sync(),
  );
  await wire.read((type, buffer, start) => {
    if (type === MESSAGE.dataRow) {
      const [oid, typmod, name] = readTextRow(buffer, start);
      names.set(typeKey({ type_oid: Number(oid), typmod: Number(typmod) }), name ?? "");
    }
    return false;
  });
  // Without the names the rows are the same.
  wire.takeError();
  return names;
}
