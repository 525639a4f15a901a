/** What a run sends: its text with the parameters put in. Whoever looks at the run sees places in its own text. */
import { ParametersError } from "@quern/contract/parameters/errors";
import {
  type BoundParameter,
  type Rendered,
  renderParameters,
  templateOffset,
} from "@quern/contract/parameters/render";
import type { Outcome as Executed, ExecutionEvents } from "@quern/executor/pool";
import type { ClaimedRun } from "@quern/store/queue";
import { RunRefused } from "./run-refused.ts";

/** Throws `RunRefused` when the text is no sound template, as that of a run that was made by other means may be. */
export function sentSql(run: ClaimedRun): { sql: string; params: BoundParameter[] } {
  try {
    const { sql, params } = renderParameters(run.sql!, run.params);
    return { sql, params };
  } catch (error) {
    if (!(error instanceof ParametersError)) throw error;
    const refused = new RunRefused("sql_error", error.message);
    refused.error.position = error.problems[0]?.start ?? null;
    throw refused;
  }
}

/** The way back from places in the sent text to those in the run's own. `sentSql` has found it sound before. */
export function placesOf(run: ClaimedRun) {
  const sent = renderParameters(run.sql!, run.params);
  return {
    events: (events: ExecutionEvents): ExecutionEvents => ({
      ...events,
      onPart: (part, statement, data) =>
        events.onPart?.(part, { ...statement, ...spanOf(sent, statement) }, data),
    }),
    outcome: (executed: Executed): Executed => ({
      ...executed,
      statements: executed.statements.map((statement) => ({
        ...statement,
        ...spanOf(sent, statement),
      })),
      error: executed.error && { ...executed.error, ...errorOf(sent, executed.error) },
    }),
  };
}

function spanOf(sent: Rendered, { start, end }: { start: number; end: number }) {
  return { start: templateOffset(sent, start), end: templateOffset(sent, end, "end") };
}

function errorOf(sent: Rendered, { position, hint, sqlstate }: NonNullable<Executed["error"]>) {
  return {
    position: position === null ? null : templateOffset(sent, position),
    hint: hint ?? (sqlstate === UNDEFINED_PARAMETER && sent.params.length > 0 ? HINT : null),
  };
}

/** PostgreSQL's words are `there is no parameter $1`. */
const UNDEFINED_PARAMETER = "42P02";
const HINT =
  "PostgreSQL takes no parameters in statements that define things, such as CREATE VIEW. Write the value into the statement.";
