/** Sends a statement, and keeps what psql keeps of the answer: variables, savepoints, whether a transaction is open. */
import { blankEnd } from "@quern/contract/postgres-lexer";
import { encodingFault } from "./faults.ts";
import { skipData } from "./frame.ts";
import { type Frame, fail, placeOf, type Run, type Statement } from "./run-state.ts";
import { referenceAt } from "./scanner.ts";
import { ScriptError, type ScriptProblem } from "./script-error.ts";
import type { Place, QueryOutcome, QueryRequest, RowsTo, ServerError } from "./session.ts";
import { positionInFile } from "./source-map.ts";

export type Sent = { error: ScriptError | null; outcome: QueryOutcome | null; failed: boolean };

const SAVEPOINT = "pg_psql_temporary_savepoint";
const NOTHING: Sent = { error: null, outcome: null, failed: false };

/**
 * Sends the text as one query. `error` ends the file; `failed` without it is an error that was passed over. A text of
 * comments only is not sent: to a server it is nothing.
 */
export async function send(
  run: Run,
  frame: Frame,
  statement: Statement,
  to: { rows: RowsTo; copyData: QueryRequest["copyData"] },
): Promise<Sent> {
  const params = run.params;
  run.params = null;
  if (isBlank(statement.text)) {
    setResultVariables(run, null, "0");
    return NOTHING;
  }
  run.statements += 1;
  const place = placeOf(run, frame, statement.began);
  run.last = place;
  const told = run.events.began(place);
  // What need not be waited for is not: a seed has hundreds of thousands of statements.
  if (told !== undefined) await told;
  const saved = rollsBack(run) && (await beginSavepoint(run, place));
  const single = statement.joined === 0;
  const outcome = await run.session.query({ sql: statement.text, single, place, params, ...to });
  if (frame.copying) await skipData(frame);
  if (outcome.error === null) setResultVariables(run, null, countOf(outcome));
  else setResultVariables(run, outcome.error, "0");
  if (saved) await endSavepoint(run, place, outcome);
  followTransaction(run, place);
  checkEncoding(run, place);
  if (outcome.error === null) return { error: null, outcome, failed: false };
  const problem = sqlProblem(run, statement, outcome.error, placeOf(run, frame, statement.began));
  return { error: await fail(run, frame, problem), outcome, failed: true };
}

function isBlank(text: string): boolean {
  let at = 0;
  while (at < text.length) {
    const end = blankEnd(text, at);
    if (end === at && text[at] !== ";") return false;
    at = end === at ? at + 1 : end;
  }
  return true;
}

function setResultVariables(run: Run, error: ServerError | null, count: string): void {
  const { variables } = run;
  variables.set("ERROR", String(error !== null));
  variables.set("SQLSTATE", error?.sqlstate ?? "00000");
  variables.set("ROW_COUNT", count);
  if (error === null) return;
  variables.set("LAST_ERROR_SQLSTATE", error.sqlstate);
  variables.set("LAST_ERROR_MESSAGE", error.message);
}

/** As libpq counts: the number at the end of the tags of statements that have rows. */
function countOf({ answers }: QueryOutcome): string {
  const command = answers.at(-1)?.command ?? "";
  const tag = /^(?:INSERT \d+|DELETE|UPDATE|SELECT|MOVE|FETCH|COPY|MERGE) (\d+)$/;
  return tag.exec(command)?.[1] ?? "0";
}

function rollsBack(run: Run): boolean {
  if (run.session.transaction() !== "open") return false;
  return !/^(?:off|interactive)$/i.test(run.variables.get("ON_ERROR_ROLLBACK") ?? "");
}

async function beginSavepoint(run: Run, place: Place): Promise<boolean> {
  const { error } = await ask(run, `SAVEPOINT ${SAVEPOINT}`, place);
  return error === null;
}

async function endSavepoint(run: Run, place: Place, outcome: QueryOutcome): Promise<void> {
  const state = run.session.transaction();
  const gone = /^(?:COMMIT|SAVEPOINT|RELEASE|ROLLBACK)$/.test(
    outcome.answers.at(-1)?.command ?? "",
  );
  if (state === "failed") await ask(run, `ROLLBACK TO ${SAVEPOINT}`, place);
  else if (state === "open" && !gone) await ask(run, `RELEASE ${SAVEPOINT}`, place);
}

/** Sends a text of our own. */
function ask(run: Run, sql: string, place: Place): Promise<QueryOutcome> {
  const copyData = () => emptyData();
  const rows: RowsTo = { to: "discard" };
  return run.session.query({ sql, single: true, place, rows, params: null, copyData });
}

async function* emptyData(): AsyncGenerator<Uint8Array> {}

function followTransaction(run: Run, place: Place): void {
  if (run.session.transaction() === "idle") run.opened = null;
  else run.opened ??= place;
}

/** Files are UTF-8: in a session with another encoding the server would take their bytes for other characters. */
function checkEncoding(run: Run, place: Place): void {
  const { encoding } = run.session.info();
  run.variables.set("ENCODING", encoding);
  const fault = encodingFault(encoding);
  if (fault !== null) throw new ScriptError({ ...fault, place });
}

function sqlProblem(
  run: Run,
  statement: Statement,
  error: ServerError,
  place: Place,
): ScriptProblem {
  const { sqlstate, message, detail, hint } = error;
  const found =
    error.position === null
      ? null
      : positionInFile(statement.text, statement.segments, error.position);
  const position = found?.offset ?? null;
  const problem: ScriptProblem = {
    code: "sql_error",
    message,
    place: found === null ? place : { ...place, line: found.line },
    sqlstate,
    position,
    detail,
    hint,
  };
  const name = undefinedVariable(run, statement, found);
  if (name === null || sqlstate !== "42601") return problem;
  return {
    ...problem,
    code: "variable_undefined",
    hint: `The variable ${name} is not set, so :${name} was sent as it stands. Pass it, or set it before with \\set ${name} value.`,
  };
}

/** The variable whose reference stands where the server found an error. */
function undefinedVariable(
  run: Run,
  { segments }: Statement,
  found: { line: number; offset: number } | null,
): string | null {
  const line = segments.find((segment) => segment.line.number === found?.line)?.line;
  if (found === null || line === undefined || line.bytes !== line.text.length) return null;
  const reference = referenceAt(line.text, found.offset - line.offset);
  return reference === null || run.variables.has(reference.name) ? null : reference.name;
}
