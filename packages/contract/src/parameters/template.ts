/**
 * SQL with parameters: `{{ name }}`, `{{ range.start }}`, `{{ range.end }}`, and optional blocks `[[ … ]]`. They are found
 * where PostgreSQL would read an operator, so never inside strings, quoted names, comments and dollar quotes.
 */
import { blankEnd, type Token, tokenAt } from "../postgres-lexer.ts";
import { isOutermost, type Open, openStatement, step } from "../postgres-statement.ts";

/** Offsets are UTF-16 code units. `block` is the index of the innermost block around it. */
export type ParameterUse = {
  name: string;
  part: "start" | "end" | null;
  start: number;
  end: number;
  block: number | null;
};
/** An optional block, its brackets included. */
export type OptionalBlock = { start: number; end: number; parent: number | null };
export type TemplateProblem = { message: string; start: number; end: number };
/** What is not copied as it is, in the order of the text. `index` is that of the use or the block. */
export type Mark = { kind: "use" | "open" | "close"; index: number; start: number; end: number };

export type Template = {
  sql: string;
  uses: ParameterUse[];
  blocks: OptionalBlock[];
  marks: Mark[];
  /** At most 100; the template is usable when there is none. */
  problems: TemplateProblem[];
};

const MAX_PROBLEMS = 100;
const MAX_NAME = 63;
/** People paste characters of no width along with the text. */
const OPEN_USE = /\{[\u200b-\u200d\ufeff]*\{/y;
const CLOSE_USE = /\}[\u200b-\u200d\ufeff]*\}/y;
const OPEN_BLOCK = /\[[\u200b-\u200d\ufeff]*\[/y;
const CLOSE_BLOCK = /\][\u200b-\u200d\ufeff]*\]/y;
const BLANK = /[\s\u200b-\u200d\ufeff]*/y;
const NAME = /[A-Za-z_][A-Za-z0-9_]*/y;
const WRONG_NAME = /[^{}]{0,200}/y;

/** False when the text surely has no parameters and no blocks, which is quicker to tell than to read it. */
export function mayHaveParameters(sql: string): boolean {
  return /\{[\u200b-\u200d\ufeff]*\{|\[[\u200b-\u200d\ufeff]*\[/.test(sql);
}

/** Reads a text whatever it is, in linear time; what is wrong with it is in `problems`. */
export function readTemplate(sql: string): Template {
  const reader: Reader = {
    template: { sql, uses: [], blocks: [], marks: [], problems: [] },
    brackets: [],
    block: null,
    statement: null,
    userParameter: null,
  };
  if (!mayHaveParameters(sql)) return reader.template;
  for (let at = 0; at < sql.length; ) {
    const blank = blankEnd(sql, at);
    at = blank > at ? blank : readNext(reader, at);
  }
  const unclosed = reader.brackets.find((bracket) => bracket !== "[");
  if (unclosed !== undefined) {
    const { start } = reader.template.blocks[unclosed as number]!;
    complain(
      reader,
      start,
      start + 2,
      "This [[ is not closed by ]]. A ]] in a string or a comment does not close it.",
    );
  }
  if (reader.userParameter !== null && reader.template.uses.length > 0) {
    const { start, end } = reader.userParameter;
    const words = `${sql.slice(start, end)} cannot stand beside {{ }}, which becomes $1, $2 … itself. Make it a {{ parameter }}, too.`;
    complain(reader, start, end, words);
  }
  return reader.template;
}

type Reader = {
  template: Template;
  /** What is open: a bracket of an array, or the index of an optional block. */
  brackets: ("[" | number)[];
  /** The innermost optional block that is open. */
  block: number | null;
  statement: Open | null;
  /** The first `$n` that the text has itself. */
  userParameter: Token | null;
};

/** Reads what begins here, and says where it ends. */
function readNext(reader: Reader, at: number): number {
  const { sql } = reader.template;
  const char = sql.charAt(at);
  if (char === "{") {
    const end = match(OPEN_USE, sql, at);
    if (end > at) return readUse(reader, at, end);
  }
  if (char === "[" || char === "]") {
    const end = char === "[" ? openBracket(reader, at) : closeBracket(reader, at);
    if (end > at) return end;
  }
  const token = tokenAt(sql, at);
  followStatement(reader, token);
  return token.end;
}

function followStatement(reader: Reader, token: Token): void {
  const { sql } = reader.template;
  const text =
    token.kind === "word" || token.kind === "symbol"
      ? sql.slice(token.start, token.end).toLowerCase()
      : "";
  if (text === ";" && (reader.statement === null || isOutermost(reader.statement))) {
    reader.statement = null;
    return;
  }
  reader.statement ??= openStatement(token.start, token.end);
  if (token.kind === "parameter" && reader.statement.atomic === 0) reader.userParameter ??= token;
  step(reader.statement, token.kind === "word", text);
}

function readUse(reader: Reader, start: number, opened: number): number {
  const { sql, uses, marks } = reader.template;
  const nameStart = match(BLANK, sql, opened);
  const nameEnd = match(NAME, sql, nameStart);
  const name = sql.slice(nameStart, nameEnd);
  const part = /\.(start|end)(?![A-Za-z0-9_])/y;
  const partEnd = match(part, sql, nameEnd);
  const closing = match(BLANK, sql, partEnd);
  const end = match(CLOSE_USE, sql, closing);
  if (name === "" || end === closing) return refuseUse(reader, start, opened);
  if (name.length > MAX_NAME) {
    complain(reader, nameStart, nameEnd, `A name of a parameter may have ${MAX_NAME} characters.`);
  }
  if ((reader.statement?.atomic ?? 0) > 0) {
    const words =
      "A routine's body (begin atomic … end) has no parameters of Quern's: it is kept, and runs without them.";
    complain(reader, start, end, words);
  }
  marks.push({ kind: "use", index: uses.length, start, end });
  uses.push({
    name,
    part: partEnd === nameEnd ? null : (sql.slice(nameEnd + 1, partEnd) as "start" | "end"),
    start,
    end,
    block: reader.block,
  });
  reader.statement ??= openStatement(start, end);
  step(reader.statement, false, "");
  return end;
}

/** Goes on behind the braces, or behind the whole when its end can be seen. */
function refuseUse(reader: Reader, start: number, opened: number): number {
  const { sql } = reader.template;
  const inside = match(WRONG_NAME, sql, opened);
  const end = match(CLOSE_USE, sql, inside);
  if (end === inside) {
    complain(reader, start, opened, "This {{ is not closed by }}. Write {{ name }}.");
    return opened;
  }
  const name = sql.slice(opened, inside).trim();
  const words =
    name === ""
      ? "There is no name in {{ }}. Write {{ name }}."
      : `“${name}” is no name of a parameter: that begins with a letter or _ and goes on with letters, digits or _; only .start or .end of a date range may follow.`;
  complain(reader, start, end, words);
  return end;
}

/** An optional block, a bracket of an array, or (then it ends where it began) nothing of ours. */
function openBracket(reader: Reader, at: number): number {
  const { sql, blocks, marks } = reader.template;
  const end = match(OPEN_BLOCK, sql, at);
  const isNestedArray = reader.brackets.at(-1) === "[" || reader.statement?.previous === "array";
  if (end === at || isNestedArray) {
    reader.brackets.push("[");
    return at;
  }
  marks.push({ kind: "open", index: blocks.length, start: at, end });
  reader.brackets.push(blocks.length);
  blocks.push({ start: at, end, parent: reader.block });
  reader.block = blocks.length - 1;
  return end;
}

function closeBracket(reader: Reader, at: number): number {
  const { sql, blocks, marks, uses } = reader.template;
  const top = reader.brackets.at(-1);
  if (top === undefined) return at;
  if (top === "[") {
    reader.brackets.pop();
    return at;
  }
  const end = match(CLOSE_BLOCK, sql, at);
  if (end === at) return at;
  reader.brackets.pop();
  marks.push({ kind: "close", index: top, start: at, end });
  const block = blocks[top]!;
  block.end = end;
  reader.block = block.parent;
  const lastUse = uses.at(-1);
  if (lastUse === undefined || lastUse.start < block.start) {
    const words =
      "A [[ … ]] without a {{ parameter }} in it would always stay. Leave the brackets out; for an array in an array write array[[…]].";
    complain(reader, block.start, end, words);
  }
  return end;
}

function complain(reader: Reader, start: number, end: number, message: string): void {
  const { problems } = reader.template;
  if (problems.length < MAX_PROBLEMS) problems.push({ message, start, end });
}

/** Where the match that begins at `at` ends; `at` when there is none. */
function match(pattern: RegExp, sql: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(sql) ? pattern.lastIndex : at;
}
