/** How the server would execute each statement of a text: EXPLAIN, sent before the statement as its prefix. */
import { scan } from "@quern/contract/postgres-lexer";
import type { ExplainRequest, OnSession, Parameter, Target } from "../connector.ts";
import { ConnectorError } from "../errors.ts";
import type { Conversation, SentText } from "./conversation.ts";
import { commentsFor, inSession, statementsOf } from "./execute.ts";
import { bind, closePortal, executePortal, flush, parse, readText, sync } from "./messages.ts";
import { guardError, guardMessages, needsNoGuard } from "./read-only-guard.ts";
import { PARAMETER_OIDS } from "./types.ts";
import { MESSAGE } from "./wire.ts";

const EXPLAIN = "explain (format json, verbose, settings) ";
const EXPLAIN_ANALYZE = "explain (format json, verbose, settings, analyze, buffers) ";

/**
 * An element each statement: what EXPLAIN's JSON says, null for one that has no plan. Such a statement is executed
 * only with `analyze`, which executes all, and when it is a SET, which the plans of later ones may hang on.
 */
export async function explain(
  target: Target,
  request: ExplainRequest,
  onSession: OnSession,
): Promise<unknown[]> {
  const spans = statementsOf(request.sql);
  const hooks = { started: onSession, notice: () => {} };
  return await inSession(target, request, hooks, async (conversation) => {
    const comments = commentsFor(request);
    const plans: unknown[] = [];
    let skipped = 0;
    for (const [index, { from, start, end }] of spans.entries()) {
      const text = request.sql.slice(from, end);
      const has = hasPlan(request.sql.slice(start, end));
      const comment = index === spans.length - 1 ? comments.last : comments.other;
      if (!has && !request.analyze && !isSetting(text)) {
        plans.push(null);
        skipped += 1;
        continue;
      }
      const prefix = !has ? "" : request.analyze ? EXPLAIN_ANALYZE : EXPLAIN;
      const sent = { text: prefix + text, offset: from - prefix.length };
      const answer = await ask(conversation, target, sent, comment, request.params).catch(
        (error: unknown) => {
          throw skipped === 0 ? error : afterSkipped(error, skipped);
        },
      );
      plans.push(has ? JSON.parse(answer ?? "null") : null);
    }
    return plans;
  });
}

/** Its first column of its last row, as text. */
async function ask(
  conversation: Conversation,
  { config }: Target,
  sent: SentText,
  comment: string,
  params: Parameter[],
): Promise<string | null> {
  const types = params.map(({ type }) => PARAMETER_OIDS[type]);
  const values = params.map(({ value }) => value);
  let answer: string | null = null;
  let command: string | null = null;
  const messages = [parse("", sent.text + comment, types), bind("", values, [0]), executePortal(0)];
  await conversation.exchange([...messages, flush()], sent, (type, buffer, start, end) => {
    if (type === MESSAGE.dataRow) answer = firstCell(buffer, start);
    if (type === MESSAGE.commandComplete) command = readText(buffer, start, end);
    return type === MESSAGE.commandComplete || type === MESSAGE.emptyQuery;
  });
  const guard = config.read_only && !needsNoGuard(command) ? guardMessages() : [];
  try {
    const end = [closePortal(), ...guard, sync()];
    await conversation.exchange(end, null, (type) => type === MESSAGE.ready);
  } catch (error) {
    throw guardError(error, config, sent.offset);
  }
  return answer;
}

function firstCell(buffer: Buffer, start: number): string | null {
  const columns = buffer.readUInt16BE(start);
  const length = columns === 0 ? -1 : buffer.readInt32BE(start + 2);
  return length === -1 ? null : buffer.toString("utf8", start + 6, start + 6 + length);
}

function firstWords(sql: string): string[] {
  const words: string[] = [];
  for (const token of scan(sql)) {
    if (words.length === 8) break;
    words.push(sql.slice(token.start, token.end).toLowerCase());
  }
  return words;
}

/** Whether EXPLAIN takes it: the server's grammar has these after EXPLAIN. */
function hasPlan(sql: string): boolean {
  const words = firstWords(sql);
  const [first = ""] = words;
  if (/^(select|with|insert|update|delete|merge|values|table|execute|\()$/.test(first)) return true;
  if (first === "declare") return /\bcursor\b/i.test(sql);
  return first === "create" && createsFromQuery(sql);
}

/** `create table … as query` and `create materialized view`, not a table of columns. */
function createsFromQuery(sql: string): boolean {
  let depth = 0;
  let kind = "";
  for (const token of scan(sql)) {
    const text = sql.slice(token.start, token.end).toLowerCase();
    if (text === "(") depth += 1;
    else if (text === ")") depth -= 1;
    else if (kind === "" && (text === "table" || text === "materialized")) kind = text;
    else if (kind === "" && /^(view|function|procedure|index|schema|trigger|rule)$/.test(text)) {
      return false;
    } else if (kind !== "" && depth === 0 && text === "as") return true;
  }
  return false;
}

function isSetting(sql: string): boolean {
  return /^(set|reset)$/.test(firstWords(sql)[0] ?? "");
}

function afterSkipped(error: unknown, skipped: number): unknown {
  if (!(error instanceof ConnectorError) || error.code !== "sql_error") return error;
  const { code, message, sqlstate, position, detail } = error;
  const hint = `${skipped === 1 ? "A statement" : `${skipped} statements`} before it had no plan and did not run. Explaining with analyze runs every statement.`;
  return new ConnectorError({ code, message, sqlstate, position, detail, hint });
}
