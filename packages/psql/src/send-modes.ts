/** What is done with the answer to a statement: rows for the result, variables by \gset, further statements by \gexec. */
import { scan } from "@quern/contract/postgres-lexer";
import { type Frame, fail, placeOf, problemAt, type Run, type Statement } from "./run-state.ts";
import type { ScriptError } from "./script-error.ts";
import { send } from "./send.ts";
import type { Collected, QueryRequest } from "./session.ts";
import { isSpecial, isVariableName } from "./variables.ts";

export type SendMode =
  | { as: "rows"; muted: boolean }
  | { as: "variables"; prefix: string }
  | { as: "statements" };

/** \gset takes one row; that there were more is all it has to know. */
const GSET = { to: "collect", max_rows: 1_000, max_bytes: 16 * 1024 * 1024 } as const;
const GEXEC = { to: "collect", max_rows: 100_000, max_bytes: 64 * 1024 * 1024 } as const;

/** Answers with the error that ends the file, if there is one. */
export async function sendStatement(
  run: Run,
  frame: Frame,
  statement: Statement,
  mode: SendMode,
  copyData: QueryRequest["copyData"],
): Promise<ScriptError | null> {
  if (mode.as === "rows") {
    const to = run.muted || mode.muted ? "discard" : run.script.rows;
    return (await send(run, frame, statement, { rows: { to }, copyData })).error;
  }
  const rows = mode.as === "variables" ? GSET : GEXEC;
  const { error, outcome, failed } = await send(run, frame, statement, { rows, copyData });
  if (error !== null || failed) return error;
  const collected = outcome?.collected ?? null;
  if (mode.as === "variables") {
    return await storeRow(run, frame, statement, collected, mode.prefix);
  }
  return collected === null ? null : await sendCells(run, frame, statement, collected, copyData);
}

async function storeRow(
  run: Run,
  frame: Frame,
  statement: Statement,
  collected: Collected | null,
  prefix: string,
): Promise<ScriptError | null> {
  // As in psql, \gset has nothing to say of a statement that gives no rows at all, such as an insert.
  if (collected === null) return null;
  const { columns, rows } = collected;
  const place = placeOf(run, frame, statement.began);
  if (rows.length !== 1) {
    const message =
      rows.length === 0
        ? "\\gset got no row. It takes exactly one; use an aggregate, or add a row that says there is none."
        : "\\gset got more than one row. It takes exactly one; add limit 1.";
    return await fail(run, frame, problemAt(place, "invalid_argument", message));
  }
  for (const [index, column] of columns.entries()) {
    const name = prefix + column;
    if (isSpecial(name)) {
      const words = `\\gset leaves the special variable ${name} as it is.`;
      await run.events.output(`${place.file}:${place.end_line}: ${words}\n`, "err");
      continue;
    }
    const value = rows[0]![index] ?? null;
    if (value === null) run.variables.delete(name);
    else if (isVariableName(name)) run.variables.set(name, value);
    else {
      const message = `The column “${name}” has no name of a variable: give it one with letters, digits and _ only.`;
      return await fail(run, frame, problemAt(place, "invalid_argument", message));
    }
  }
  return null;
}

/** Each cell that is not null is a statement, row by row. */
async function sendCells(
  run: Run,
  frame: Frame,
  { began }: Statement,
  { rows }: Collected,
  copyData: QueryRequest["copyData"],
): Promise<ScriptError | null> {
  for (const cell of rows.flat()) {
    if (cell === null) continue;
    const joined = isSingle(cell) ? 0 : 1;
    // What a cell holds is in no file, so an error has no position, only the place of the \gexec.
    const statement = { text: cell, segments: [], joined, began };
    const to = run.muted ? "discard" : run.script.rows;
    const { error } = await send(run, frame, statement, { rows: { to }, copyData });
    if (error !== null) return error;
  }
  return null;
}

/** Whether a text surely holds one statement: no semicolon but at its end. */
function isSingle(sql: string): boolean {
  let ended = false;
  for (const { kind, start } of scan(sql)) {
    if (ended) return false;
    ended = kind === "symbol" && sql[start] === ";";
  }
  return true;
}
