/** The arguments of \copy, by the rules of psql: its own tokens, not those of SQL. */
import { isSpaceCode } from "./characters.ts";

export type CopyCommand = {
  /** The COPY to send, FROM STDIN or TO STDOUT. */
  sql: string;
  from: boolean;
  /** null: the lines that follow (FROM STDIN), or the answer (TO STDOUT). */
  file: string | null;
  /** Where the name of the file stands in the text, quotes included. */
  file_start: number;
  file_end: number;
};

/** Why a \copy is not carried out. */
export type CopyProblem = { code: "invalid_argument" | "refused_command"; problem: string };

type Token = { text: string; start: number; end: number };
type Reader = { text: string; at: number };

const DELIMITERS = ".,()";

export function parseCopy(text: string): CopyCommand | CopyProblem {
  const reader: Reader = { text, at: 0 };
  const target = readTarget(reader);
  if (typeof target !== "string") return target;
  const direction = next(reader, DELIMITERS, '"');
  const word = direction?.text.toLowerCase();
  if (word !== "from" && word !== "to") return unexpected(direction);
  const from = word === "from";
  const file = next(reader, "", "'");
  if (file === null) return unexpected(null);
  const name = file.text.toLowerCase();
  const rest = text.slice(reader.at).trim();
  if (name === "program") {
    return refused("\\copy … program would start a program. Put its output into a file.");
  }
  if (name === "pstdin" || name === "pstdout") {
    return refused(`There is no ${name} here. Name a file of the project, or write stdin.`);
  }
  const isStandard = name === "stdin" || name === "stdout";
  if (!from && !isStandard) {
    return refused(
      "\\copy … to a file would write to the project. Select the rows, and they are in the result.",
    );
  }
  return {
    sql: `COPY ${target} ${from ? "FROM STDIN" : "TO STDOUT"}${rest === "" ? "" : ` ${rest}`}`,
    from,
    file: isStandard ? null : unquoted(file.text),
    file_start: file.start,
    file_end: file.end,
  };
}

/** The table with its columns, or the query in parentheses, as it goes into the COPY. */
function readTarget(reader: Reader): string | CopyProblem {
  let token = next(reader, DELIMITERS, '"');
  if (token === null) return unexpected(null);
  const isBinary = token.text.toLowerCase() === "binary";
  if (isBinary) token = next(reader, DELIMITERS, '"');
  if (token === null) return unexpected(null);
  const start = token.start;
  if (token.text === "(") return readParenthesised(reader, start, "\"'");
  const mark = reader.at;
  const dot = next(reader, DELIMITERS, '"');
  if (dot?.text === ".") {
    if (next(reader, DELIMITERS, '"') === null) return unexpected(null);
  } else reader.at = mark;
  const beforeColumns = reader.at;
  const columns = next(reader, DELIMITERS, '"');
  if (columns?.text === "(") {
    const list = readParenthesised(reader, columns.start, '"');
    if (typeof list !== "string") return list;
  } else reader.at = beforeColumns;
  return `${isBinary ? "BINARY " : ""}${reader.text.slice(start, reader.at)}`;
}

function readParenthesised(reader: Reader, start: number, quotes: string): string | CopyProblem {
  for (let depth = 1; depth > 0; ) {
    const token = next(reader, DELIMITERS, quotes);
    if (token === null) return unexpected(null);
    if (token.text === "(") depth += 1;
    else if (token.text === ")") depth -= 1;
  }
  return reader.text.slice(start, reader.at);
}

/** A token up to a blank, a delimiter or a quote. */
function next(reader: Reader, delimiters: string, quotes: string): Token | null {
  const { text } = reader;
  while (isSpaceCode(text.charCodeAt(reader.at))) reader.at += 1;
  const start = reader.at;
  if (start >= text.length) return null;
  const first = text[start]!;
  let end = start + 1;
  if (quotes.includes(first)) end = quotedEnd(text, start);
  else if (!delimiters.includes(first)) {
    while (end < text.length && !endsToken(text, end, delimiters, quotes)) end += 1;
  }
  reader.at = end;
  return { text: text.slice(start, end), start, end };
}

function endsToken(text: string, at: number, delimiters: string, quotes: string): boolean {
  const char = text[at]!;
  return isSpaceCode(text.charCodeAt(at)) || delimiters.includes(char) || quotes.includes(char);
}

function quotedEnd(text: string, start: number): number {
  const quote = text[start]!;
  for (let at = start + 1; at < text.length; at += 1) {
    if (text[at] !== quote) continue;
    if (text[at + 1] !== quote) return at + 1;
    at += 1;
  }
  return text.length;
}

function unquoted(token: string): string {
  if (!token.startsWith("'")) return token;
  const inner = token.length > 1 && token.endsWith("'") ? token.slice(1, -1) : token.slice(1);
  return inner.replaceAll("''", "'");
}

function unexpected(token: Token | null): CopyProblem {
  const where = token === null ? "at the end of the line" : `at “${token.text}”`;
  return {
    code: "invalid_argument",
    problem: `This \\copy cannot be read ${where}. Write \\copy table (columns) from 'file' with (options).`,
  };
}

function refused(problem: string): CopyProblem {
  return { code: "refused_command", problem };
}
