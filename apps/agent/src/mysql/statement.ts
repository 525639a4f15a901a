/** What may be said of a statement of MySQL or MariaDB: a query without its literals, of everything else a skeleton. */
import { createHash } from "node:crypto";
import { storableText } from "@quern/contract/text";
import { BoundedCache } from "../text/bounded-cache.ts";
import { keyedHash } from "../text/keyed-hash.ts";
import type { NormalisedStatement } from "../text/statement.ts";
import type { Kind } from "../text/tree.ts";
import { tablesIn } from "./statement-tables.ts";
import { type Token, tokensOf } from "./tokens.ts";

const MAX_TEXT = 65_536;
const REDACTED = "<redacted>";

const QUERIES: Record<string, Kind> = {
  select: "select",
  table: "select",
  values: "select",
  insert: "insert",
  replace: "insert",
  update: "update",
  delete: "delete",
};

/** Words that say what a statement does. What follows them is told only where it is the name of one of `OBJECTS`. */
const COMMANDS = new Set(
  (
    "alter analyze begin binary binlog body cache call change check checksum commit create data database deallocate " +
    "desc describe do drop event execute exists explain flush fulltext function global grant handler if index install " +
    "instance kill load local lock logs master not online optimize or package password plugin prepare privileges " +
    "procedure purge release rename repair replace replica replication reset revoke role rollback savepoint schema " +
    "sequence server session set show shutdown slave spatial start status stop table tables tablespace temporary " +
    "transaction trigger truncate uninstall unique unlock use user variables view work xa"
  ).split(" "),
);
const OBJECTS = new Set(
  "database event function index procedure schema sequence table trigger view".split(" "),
);
/** What makes something with statements in it. */
const BODIES = /^create(?: (?:or|procedure|function|trigger|event|package))?$/;
const MAX_COMMAND = 40;

const cache = new BoundedCache<NormalisedStatement>(4_000, 8 * 1024 * 1024);

/**
 * A statement's text as performance_schema has normalised it, or as a session sent it, without anything that could be a
 * value: strings, numbers and comments go, names stay. A text that the server may read in another way is a placeholder.
 */
export function normaliseMysqlStatement(text: string): NormalisedStatement {
  const known = cache.get(text);
  if (known !== undefined) return known;
  const normalised = normalise(storableText(text));
  cache.set(text, normalised);
  return normalised;
}

function normalise(text: string): NormalisedStatement {
  if (text.length > MAX_TEXT) return placeholder(text, "truncated");
  const all = tokensOf(text);
  if (all === null) return placeholder(text, "unparsable");
  const statements = statementsIn(all);
  const kinds = statements.map((tokens) => kindOf(tokens));
  const [first] = statements;
  const [kind] = kinds;
  if (first === undefined) return placeholder(text, "unparsable");
  if (kind !== undefined && kinds.every((each) => each !== undefined)) {
    const query = written(all);
    return {
      ...{ query, fingerprint: fingerprintOf(query), kind, command: kind },
      tables: [...new Set(statements.flatMap(tablesIn))].slice(0, 200),
      ...{ run_id: null, text_state: "normalised", secret_visible: false },
    };
  }
  const skeletons = statements.map((tokens, index) =>
    kinds[index] === undefined
      ? skeletonOf(tokens)
      : { command: kinds[index], query: written(tokens) },
  );
  const begun = skeletons[0]?.command ?? "";
  if (begun === "") return placeholder(text, "unparsable");
  // The statements in a body belong to the one that makes it.
  const said = BODIES.test(begun) ? skeletons.slice(0, 1) : skeletons;
  const query = said
    .map((each) => each.query)
    .join("; ")
    .slice(0, 4_000);
  return {
    ...{ query, fingerprint: hashOf(query), kind: kind ?? "utility", tables: [] },
    command: begun.slice(0, MAX_COMMAND),
    ...{ run_id: null, text_state: "skeleton", secret_visible: false },
  };
}

/** What is between semicolons, without blanks. */
function statementsIn(all: readonly Token[]): Token[][] {
  const statements: Token[][] = [[]];
  for (const token of all) {
    if (token.text === ";") statements.push([]);
    else if (token.kind !== "blank") statements.at(-1)?.push(token);
  }
  return statements.filter(({ length }) => length > 0);
}

/** Undefined for what is no query. */
function kindOf(tokens: readonly Token[]): Kind | undefined {
  const word = firstWord(tokens);
  return word === "with" ? kindOfWith(tokens) : QUERIES[word];
}

function firstWord(tokens: readonly Token[]): string {
  const first = tokens.find(({ text }) => text !== "(");
  return first?.kind === "word" ? first.text.toLowerCase() : "";
}

/** Of what stands behind the common table expressions, outside of all parentheses. */
function kindOfWith(tokens: readonly Token[]): Kind | undefined {
  let depth = 0;
  for (const { kind, text } of tokens.slice(1)) {
    if (text === "(") depth += 1;
    if (text === ")") depth -= 1;
    if (depth === 0 && kind === "word" && QUERIES[text.toLowerCase()] !== undefined) {
      return QUERIES[text.toLowerCase()];
    }
  }
  return undefined;
}

/** `text` on one line, each literal a `?`. */
export function withoutMysqlLiterals(text: string): string | null {
  const tokens = text.length > MAX_TEXT ? null : tokensOf(text);
  return tokens === null ? null : written(tokens);
}

function written(tokens: readonly Token[]): string {
  let out = "";
  let blank = false;
  for (const { kind, text } of tokens) {
    if (kind === "blank") {
      blank = true;
      continue;
    }
    const next = kind === "literal" ? "?" : text;
    out += isSpaced(out, next, blank) ? ` ${next}` : next;
    blank = false;
  }
  return out.replace(/\s*;\s*$/, "");
}

/** `select'x'` needs no blank where it was, and needs one where a `?` would stand beside a name. */
function isSpaced(before: string, next: string, blank: boolean): boolean {
  if (/[\w$?`\u0080-\uffff]$/.test(before) && /^[\w$?`\u0080-\uffff]/.test(next)) return true;
  return blank && before !== "" && !before.endsWith("(") && !/^[),;]$/.test(next);
}

/** The same for a digest's text and for the statement that it was made of: case, quotes and lengths of lists go. */
function fingerprintOf(query: string): string {
  const plain = query
    .toLowerCase()
    .replace(/[`\s]+/g, " ")
    .replace(/ ?([^\w$? ]) ?/g, "$1")
    .replace(/\((?:\.\.\.|\?(?:,\?)*)\)/g, "(?)")
    .replace(/\(\?\)(?:,\(\?\))+/g, "(?)");
  return hashOf(plain);
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}

/** The words that say what it does and the object's name; an empty command where it begins with none of them. */
function skeletonOf(tokens: readonly Token[]): { command: string; query: string } {
  const start = tokens.findIndex(({ text }) => text !== "(");
  let end = start;
  while (tokens[end]?.kind === "word" && COMMANDS.has(tokens[end]!.text.toLowerCase())) end += 1;
  const words = tokens.slice(start, end).map(({ text }) => text.toLowerCase());
  if (words.length === 0) return { command: "", query: REDACTED };
  const object = words.some((each) => OBJECTS.has(each)) ? nameAt(tokens, end) : [];
  const rest = tokens.slice(end + object.length).some(({ text }) => text !== ")");
  const parts = [words.join(" "), object.map(({ text }) => text).join(""), rest ? REDACTED : ""];
  return {
    command: words.slice(0, 2).join(" "),
    query: parts.filter((part) => part !== "").join(" "),
  };
}

/** The tokens of `name` or `schema.name` at `at`. */
function nameAt(tokens: readonly Token[], at: number): readonly Token[] {
  const isName = (token: Token | undefined) => token?.kind === "name" || token?.kind === "word";
  if (!isName(tokens[at])) return [];
  const dotted = tokens[at + 1]?.text === "." && isName(tokens[at + 2]);
  return tokens.slice(at, at + (dotted ? 3 : 1));
}

function placeholder(text: string, state: "truncated" | "unparsable"): NormalisedStatement {
  const word = /^[\s(]*([a-z]+)/i.exec(text)?.[1]?.toLowerCase() ?? "";
  const kind: Kind = QUERIES[word] ?? (COMMANDS.has(word) ? "utility" : "unknown");
  return {
    query: `<${state} ${kind === "unknown" ? "" : `${word} `}statement ${keyedHash(text)}>`,
    fingerprint: null,
    kind,
    command: kind === "unknown" ? "unknown" : word,
    tables: [],
    run_id: null,
    text_state: state,
    secret_visible: false,
  };
}
