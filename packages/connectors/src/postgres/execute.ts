import type { ExecuteRequest, ExecuteStats, Sink, Target } from "../connector.ts";
import { ConnectorError } from "../errors.ts";
import { cancel } from "./cancel.ts";
import { type Conversation, openConversation } from "./conversation.ts";
import { sessionFor } from "./ready-sessions.ts";
import { runStatement } from "./run-statement.ts";
import type { Session } from "./session.ts";
import { isClosed, sqlComment } from "./sql-comment.ts";
import { type StatementSpan, splitStatements } from "./statements.ts";
import { wireError } from "./wire-errors.ts";

const MAX_STATEMENTS = 10_000;
/** A truncated read leaves a statement that still runs. */
const STOP_GRACE_MS = 500;

/**
 * Runs a text: its statements in order, in one session, each by the extended protocol and, unless the user opened a
 * transaction, each in its own transaction. The session is thrown away at the end.
 */
export async function execute(
  target: Target,
  request: ExecuteRequest,
  sink: Sink,
): Promise<ExecuteStats> {
  const spans = statementsOf(request.sql);
  return await inSession(target, request, sink, async (conversation, session) => {
    const stats = await runAll(conversation, target, request, spans, sink);
    if (stats.left_running) {
      // Rows are not to be had any more, and the answer is complete: a server that cannot be asked changes neither.
      await cancel(target, session.handle, { grace_ms: STOP_GRACE_MS }).catch((error) => {
        if (!(error instanceof ConnectorError)) throw error;
      });
    }
    return { statements: spans.length, rows: stats.rows, bytes: stats.bytes };
  });
}

/** Work in a session of its own, which is thrown away afterwards. */
export async function inSession<T>(
  target: Target,
  request: ExecuteRequest,
  hooks: Pick<Sink, "started" | "notice">,
  work: (conversation: Conversation, session: Session) => Promise<T>,
): Promise<T> {
  const { options } = request;
  const session = await sessionFor(target, options, request.prepared);
  try {
    await hooks.started(session.handle);
    const conversation = openConversation(session, {
      // A row may hold two of the biggest cells, and many smaller ones.
      max_row_bytes: options.max_cell_bytes * 2,
      onNotice: (text) => hooks.notice(text),
    });
    return await work(conversation, session);
  } catch (error) {
    throw wireError(error, options.max_cell_bytes);
  } finally {
    session.destroy();
  }
}

/** The statements of a text: at least one, and not too many. */
export function statementsOf(sql: string): StatementSpan[] {
  const spans = splitStatements(sql);
  checkSpans(spans);
  return spans;
}

/** What goes behind the last statement of the text, or behind any other. */
export function commentsFor(request: ExecuteRequest): { last: string; other: string } {
  const other = sqlComment(request.options);
  return { other, last: isClosed(request.sql) ? other : "" };
}

function checkSpans(spans: StatementSpan[]): void {
  if (spans.length === 0) {
    throw new ConnectorError({
      code: "sql_error",
      message: "There is nothing to run: the text is empty or holds only comments.",
      hint: "Write a statement, such as select 1.",
    });
  }
  if (spans.length > MAX_STATEMENTS) {
    throw new ConnectorError({
      code: "sql_error",
      message: `The text has ${spans.length} statements; at most ${MAX_STATEMENTS} run at once.`,
      hint: "Split it into several runs.",
    });
  }
}

async function runAll(
  conversation: Conversation,
  target: Target,
  request: ExecuteRequest,
  spans: StatementSpan[],
  sink: Sink,
) {
  const total = { rows: 0, bytes: 0, left_running: false };
  const comments = commentsFor(request);
  for (const [index, span] of spans.entries()) {
    const isLast = index === spans.length - 1;
    const whole = target.config.read_only && isLast && (await isReadOnly(conversation, index));
    const comment = isLast ? comments.last : comments.other;
    const { config } = target;
    const task = { index, span, whole, comment, read_only: config.read_only ? config : null };
    const done = await runStatement(conversation, request, task, sink);
    total.rows += done.rows;
    total.bytes += done.bytes;
    total.left_running = done.left_running;
  }
  return total;
}

/**
 * Whether breaking the last statement off can undo nothing. Then it is executed whole, which leaves the server
 * free to use parallel workers. An earlier statement may have made the session writable, so the server is asked.
 */
async function isReadOnly(conversation: Conversation, index: number): Promise<boolean> {
  if (index === 0) return true;
  const rows = await conversation.lookUp("select current_setting('transaction_read_only')", []);
  return rows[0]?.[0] === "on";
}
