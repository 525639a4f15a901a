/** What can be said of a statement by its first words and tokens, without the grammar. */
import { scan } from "@quern/contract/postgres-lexer";

export type StatementKind =
  | "role"
  | "alter_system"
  | "database"
  | "tablespace"
  | "subscription"
  | "extension"
  | "transaction"
  | "prepared_transaction"
  | "copy_file"
  | "copy_program"
  | "connect"
  | "gexec";

const BY_FIRST: Record<string, StatementKind> = {
  begin: "transaction",
  start: "transaction",
  commit: "transaction",
  end: "transaction",
  rollback: "transaction",
  abort: "transaction",
  savepoint: "transaction",
  release: "transaction",
};

const BY_OBJECT: Record<string, StatementKind> = {
  role: "role",
  user: "role",
  group: "role",
  database: "database",
  tablespace: "tablespace",
  subscription: "subscription",
  extension: "extension",
};

/** The kind of a statement that begins with these words; null for those of no interest. */
export function kindOfStatement(words: string[]): StatementKind | null {
  const [first, second, third] = words;
  if (first === "alter" && second === "system") return "alter_system";
  if (first === "prepare" && second === "transaction") return "prepared_transaction";
  if (first === "create" || first === "alter" || first === "drop") {
    if (second === "user" && third === "mapping") return null;
    return (second !== undefined && BY_OBJECT[second]) || null;
  }
  return (first !== undefined && BY_FIRST[first]) || null;
}

export type CopyFacts = {
  /** How many COPY … FROM STDIN there are: so many blocks of data follow. */
  from_stdin: number;
  server_file: boolean;
  program: boolean;
};

/** Of a text that begins with COPY, or of several statements joined by \;. */
export function copyFacts(sql: string): CopyFacts {
  const facts: CopyFacts = { from_stdin: 0, server_file: false, program: false };
  let depth = 0;
  let inCopy = false;
  let direction: "from" | "to" | null = null;
  let isFirst = true;
  for (const { kind, start, end } of scan(sql)) {
    const text = kind === "other" ? "" : sql.slice(start, end).toLowerCase();
    if (text === "(") depth += 1;
    else if (text === ")") depth -= 1;
    if (text === ";" && depth === 0) {
      isFirst = true;
      continue;
    }
    if (isFirst) {
      inCopy = text === "copy";
      direction = null;
    } else if (inCopy && depth === 0 && direction === null) {
      if (text === "from" || text === "to") direction = text;
    } else if (inCopy && direction !== null && depth === 0) {
      if (direction === "from" && (text === "stdin" || text === "stdout")) facts.from_stdin += 1;
      else if (text === "program") facts.program = true;
      else if (kind === "other") facts.server_file = true;
      inCopy = false;
    }
    isFirst = false;
  }
  return facts;
}

const QUERY = /^(?:select|with|values|table|\()$/;

/** Whether the rows of a query come in an order that it states; null for what is no query. */
export function statesOrder(sql: string): boolean | null {
  let depth = 0;
  let isFirst = true;
  let previous = "";
  for (const { kind, start, end } of scan(sql)) {
    const text = kind === "other" ? "" : sql.slice(start, end).toLowerCase();
    if (isFirst && !QUERY.test(text)) return null;
    isFirst = false;
    if (text === "(") depth += 1;
    else if (text === ")") depth -= 1;
    else if (depth === 0 && previous === "order" && text === "by") return true;
    previous = text;
  }
  return isFirst ? null : false;
}

/** The encoding that `set client_encoding …` names; null for anything else. */
export function encodingSet(sql: string): string | null {
  const set =
    /^set\s+(?:session\s+|local\s+)?(?:client_encoding\s*(?:=|\bto\b)|names)\s*(?:'([^']*)'|"([^"]*)"|(\w+))/i.exec(
      sql,
    );
  const encoding = set?.[1] ?? set?.[2] ?? set?.[3] ?? null;
  return encoding !== null && encoding.toLowerCase() === "default" ? null : encoding;
}

/** What `set standard_conforming_strings …` sets; null for anything else. */
export function standardStringsSet(sql: string): boolean | null {
  const set =
    /^set\s+(?:session\s+|local\s+)?standard_conforming_strings\s*(?:=|\bto\b)\s*'?(\w+)/i.exec(
      sql,
    )?.[1];
  if (set === undefined) return null;
  return !/^(?:off?|false|no|0)$/i.test(set);
}

/**
 * The names of the columns of `select … as a, … as b`; null when one of them has another kind of name, since then it is the
 * server that knows.
 */
export function namedColumns(sql: string): string[] | null {
  const names: string[] = [];
  let depth = 0;
  let isFirst = true;
  let previous = "";
  let name: string | null = null;
  for (const { kind, start, end } of scan(sql)) {
    const raw = sql.slice(start, end);
    const text = kind === "other" ? raw : raw.toLowerCase();
    if (isFirst && text !== "select") return null;
    isFirst = false;
    if (depth === 0 && (text === "," || text === "from" || text === ";")) {
      if (name === null) return null;
      names.push(name);
      if (text !== ",") return names;
      name = null;
    } else if (depth === 0) {
      const isQuoted = raw.startsWith('"');
      const isName = previous === "as" && (kind === "word" || isQuoted);
      name = isName ? (isQuoted ? raw.slice(1, -1).replaceAll('""', '"') : text) : null;
    }
    if (text === "(" || text === "[") depth += 1;
    else if (text === ")" || text === "]") depth -= 1;
    previous = text;
  }
  if (isFirst || name === null) return null;
  return [...names, name];
}

/** The texts in quotes in a DO or a CREATE FUNCTION: what they run. `start` is where each begins in the statement. */
export function bodiesIn(sql: string): { text: string; start: number }[] {
  const bodies: { text: string; start: number }[] = [];
  for (const { kind, start, end } of scan(sql)) {
    if (kind !== "other") continue;
    const opening = /^(?:\$[^$]*\$|[eE]?')/.exec(sql.slice(start, Math.min(end, start + 70)))?.[0];
    if (opening === undefined) continue;
    bodies.push({ text: sql.slice(start + opening.length, end), start: start + opening.length });
  }
  return bodies;
}
