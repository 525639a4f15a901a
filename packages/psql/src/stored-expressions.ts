/**
 * Where in a statement an expression is only stored, to be evaluated another time: the default of a column, the query of a
 * view, the condition of a rule. And which tables a statement puts rows into, when such a default is evaluated.
 */
import { scan } from "@quern/contract/postgres-lexer";

/** `relation`: the table whose default it is, without its schema; null for what is stored otherwise. */
export type Stored = { relation: string | null };

/** Words between CREATE and the kind of what is created. */
const BETWEEN = new Set(
  "or replace global local temp temporary unlogged recursive constraint foreign".split(" "),
);
const NEVER_EVALUATED = new Set(["view", "rule", "policy", "trigger", "domain"]);
/** Words between the kind and the name. */
const BEFORE_NAME = new Set(["if", "not", "exists", "only"]);

/**
 * Whether what follows `before`, the beginning of a statement, is stored; null when it is evaluated as the statement runs.
 * A column that is added to a table that has rows gives each the value of its default then and there.
 */
export function storedAfter(before: string): Stored | null {
  const words = topWords(before);
  const [first] = words;
  if (first !== "create" && first !== "alter") return null;
  const at = words.findIndex((word, i) => i > 0 && !BETWEEN.has(word));
  const kind = words[at];
  if (kind === undefined) return null;
  const rest = words.slice(at + 1);
  if (first === "alter") return setsDefault(rest) ? storedFor(kind, rest) : null;
  if (NEVER_EVALUATED.has(kind)) return { relation: null };
  return kind === "table" && !evaluates(rest) ? storedFor(kind, rest) : null;
}

/** CREATE TABLE … AS a query, and the bounds of a partition. */
function evaluates(rest: string[]): boolean {
  return rest.some((word, i) => word === "as" || (word === "for" && rest[i + 1] === "values"));
}

/** The last action is ALTER COLUMN … SET DEFAULT, not ADD COLUMN … DEFAULT. */
function setsDefault(rest: string[]): boolean {
  const action = rest.slice(rest.lastIndexOf(",") + 1);
  const at = action.indexOf("default");
  return at > 0 && action[at - 1] === "set";
}

function storedFor(kind: string, rest: string[]): Stored {
  return { relation: kind === "table" ? nameIn(rest) : null };
}

/** The name that these words begin with, without its schema. */
function nameIn(words: string[]): string | null {
  let at = words.findIndex((word) => !BEFORE_NAME.has(word));
  while (words[at + 1] === "." && words[at + 2] !== undefined) at += 2;
  return words[at] ?? null;
}

/** What stands outside of parentheses: words in lower case, names in quotes without them. */
function topWords(sql: string): string[] {
  const words: string[] = [];
  let depth = 0;
  for (const { kind, start, end } of scan(sql)) {
    const raw = sql.slice(start, end);
    if (raw === "(") depth += 1;
    else if (raw === ")") depth -= 1;
    else if (depth === 0) words.push(nameOf(raw, kind === "other"));
  }
  return words;
}

function nameOf(raw: string, isOther: boolean): string {
  if (!isOther) return raw.toLowerCase();
  return raw.startsWith('"') ? raw.slice(1, -1).replaceAll('""', '"') : "''";
}

const NAME = String.raw`(?:"(?:[^"]|"")*"|[\w$\u0080-\uffff]+)`;
const TABLE = String.raw`(?:${NAME}\s*\.\s*){0,2}(${NAME})`;
const INSERT = String.raw`(?:insert|merge)\s+into\s+(?:only\s+)?${TABLE}`;
const COPY = String.raw`copy\s+(?:binary\s+)?${TABLE}\s*(?:\([^)]*\)\s*)?from\b`;
const FIRST = new RegExp(`(?:${INSERT}|${COPY})`, "iy");
const ANYWHERE = new RegExp(String.raw`\b(?:${INSERT}|${COPY})`, "gi");
const WRITES = new Set(["insert", "merge", "copy"]);
const HOLDS_WRITES = new Set(["with", "do", "explain", "prepare"]);

/** Tables that the statement may put rows into, without their schemas. `first`: its first word. */
export function tablesWritten(sql: string, first: string | undefined, joined: boolean): string[] {
  if (first === undefined) return [];
  if (joined || HOLDS_WRITES.has(first)) return [...sql.matchAll(ANYWHERE)].map(nameFound);
  if (!WRITES.has(first)) return [];
  FIRST.lastIndex = 0;
  const found = FIRST.exec(sql);
  return found === null ? [] : [nameFound(found)];
}

function nameFound([, inserted, copied]: RegExpExecArray): string {
  return plainName(inserted ?? copied ?? "");
}

function plainName(name: string): string {
  return name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name.toLowerCase();
}
