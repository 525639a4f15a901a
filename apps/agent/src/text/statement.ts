import { createHash } from "node:crypto";
import type { StatementStats } from "@quern/contract/agent/statements";
import { storableText } from "@quern/contract/text";
import { BoundedCache } from "./bounded-cache.ts";
import { keyedHash } from "./keyed-hash.ts";
import { runIdOf, withoutLiterals } from "./literals.ts";
import { fingerprintOf, parseStatements, type Tree, UnparsableError } from "./parser.ts";
import { skeletonOf } from "./skeleton.ts";
import { type Kind, kindOf, statementOf, tablesOf, typeModifierPositions } from "./tree.ts";

export type NormalisedStatement = {
  /** What may be sent: no literal, comment, file name or secret is in it. */
  query: string;
  /** 16 hexadecimal digits: libpg-query's of `query`, of a skeleton a hash; null where the text cannot be parsed. */
  fingerprint: string | null;
  kind: Kind;
  /** Its first word or two, lower-case: `select`, `alter table`. */
  command: string;
  /** As written, `schema.table` or `table`; without names of common table expressions. */
  tables: string[];
  /** Of Quern, from the statement's comment. */
  run_id: string | null;
  text_state: NonNullable<StatementStats["text_state"]>;
  /** The text held a password, key or connection string. */
  secret_visible: boolean;
};

/** Characters. The parse tree of longer texts costs more memory than a monitoring agent should have. */
const MAX_PARSED = 16_384;
const MAX_TEXT = 65_536;
/** As the contract has it. */
const MAX_QUERY = 100_000;

/** What PostgreSQL shows to a role that may not see the text, and what others put in its place. */
const HIDDEN = "<insufficient privilege>";

/** Utility statements that are little more than the query in them: the query is what matters, and its literals go. */
const QUERY_CARRIERS: Record<string, string> = {
  CallStmt: "call",
  CreateTableAsStmt: "create table as",
  DeclareCursorStmt: "declare",
  ExplainStmt: "explain",
  PrepareStmt: "prepare",
  ViewStmt: "create view",
};

/** Statements that take a secret as a string. Others have such words in names: `create table t (secret text default '')`. */
const SECRET_TAKERS =
  /^(?:(?:alter|create) (?:role|user|group|subscription|server|foreign|system|database)|set|copy|call|do)\b/i;
/** A hash that nobody signs in with. */
const SCRAM_HASH = /password\s+'SCRAM-SHA-256\$/i;
const SECRET_WORDS = /password|passwd|secret|passphrase|api_?key|access_?key|primary_conninfo/i;
/** In a connection string: `password=x`, `postgres://user:x@host`. */
const CONNECTION_SECRET = /password\s*=|:\/\/[^\s/:@]+:[^\s/@]+@/i;

const cache = new BoundedCache<NormalisedStatement>(4_000, 8 * 1024 * 1024);

/**
 * What may be said of a statement's text, from pg_stat_statements or pg_stat_activity; `track_size` is the server's
 * track_activity_query_size where the text may be cut by it, null where it is whole. Needs `loadParser`.
 */
export function normaliseStatement(
  text: string,
  { track_size }: { track_size: number | null },
): NormalisedStatement {
  const key = `${track_size ?? ""} ${text}`;
  const known = cache.get(key);
  if (known !== undefined) return known;
  const normalised = normalise(storableText(text), track_size);
  if (normalised.text_state !== "unparsable") cache.set(key, normalised);
  return normalised;
}

function normalise(text: string, trackSize: number | null): NormalisedStatement {
  if (text.trim() === HIDDEN) return placeholder(text, "hidden");
  // The server cuts at track_size - 1 bytes, or before the character that would be cut in two.
  const cut = trackSize !== null && Buffer.byteLength(text) >= trackSize - 4;
  if (cut || text.length > MAX_TEXT) return placeholder(text, "truncated");
  try {
    return text.length > MAX_PARSED
      ? normaliseLarge(text)
      : normaliseParsed(text, parseStatements(text));
  } catch (error) {
    if (!(error instanceof UnparsableError)) throw error;
    return placeholder(text, "unparsable");
  }
}

function normaliseParsed(text: string, statements: Tree[]): NormalisedStatement {
  const parsed = statements.map(statementOf);
  const first = parsed[0];
  if (first === undefined) return placeholder(text, "unparsable");
  const speaks = parsed.every(
    ({ type }) => kindOf(type) !== "utility" || QUERY_CARRIERS[type] !== undefined,
  );
  const skeletons = parsed.map(({ type, body }) => skeletonOf(type, body));
  const query = speaks
    ? withoutLiterals(text, typeModifierPositions(statements))
    : skeletons.map((skeleton) => skeleton.text).join("; ");
  if (query.length > MAX_QUERY) return placeholder(text, "truncated");
  const kind = kindOf(first.type);
  return {
    query,
    fingerprint: speaks ? fingerprintOfNormalised(query) : plainHash(query),
    kind,
    command:
      kind === "utility" ? (QUERY_CARRIERS[first.type] ?? skeletons[0]?.command ?? kind) : kind,
    tables: tablesOf(statements),
    run_id: runIdOf(text),
    text_state: speaks ? "normalised" : "skeleton",
    secret_visible: !speaks && showsSecret(text),
  };
}

/** What the tokens alone tell of a query; of a utility statement nothing. */
function normaliseLarge(text: string): NormalisedStatement {
  const unread = placeholder(text, "truncated");
  const query = withoutLiterals(text);
  if (unread.kind === "utility" || query.length > MAX_QUERY) return unread;
  return { ...unread, query, fingerprint: fingerprintOf(query), text_state: "normalised" };
}

/**
 * Of what is sent, never of what was read: the parser's fingerprint covers literals of utility statements and of some
 * clauses, and whoever has it could try them all. A few texts, like `int[$1]`, are none that it parses.
 */
function fingerprintOfNormalised(query: string): string {
  try {
    return fingerprintOf(query);
  } catch (error) {
    if (error instanceof UnparsableError) return plainHash(query);
    throw error;
  }
}

function plainHash(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}

/** A word for secrets in a statement that takes one as a string that is not a parameter, or a connection string with one. */
function showsSecret(text: string): boolean {
  if (!/['$]/.test(text)) return false;
  if (CONNECTION_SECRET.test(text)) return true;
  const words = withoutLiterals(text);
  if (!SECRET_TAKERS.test(words) || !SECRET_WORDS.test(words)) return false;
  return text.includes("'") && !SCRAM_HASH.test(text);
}

const FIRST_WORDS: Record<string, Kind> = {
  select: "select",
  insert: "insert",
  update: "update",
  delete: "delete",
  merge: "merge",
};
const UTILITY_WORDS = new Set(
  (
    "alter analyze begin call cluster comment commit copy create declare do drop execute explain fetch grant import " +
    "listen load lock notify prepare refresh reindex reset revoke rollback security set show truncate vacuum"
  ).split(" "),
);

function placeholder(
  text: string,
  state: "hidden" | "truncated" | "unparsable",
): NormalisedStatement {
  const word = /^[\s(]*([a-z]+)/i.exec(text)?.[1]?.toLowerCase() ?? "";
  const kind: Kind = FIRST_WORDS[word] ?? (UTILITY_WORDS.has(word) ? "utility" : "unknown");
  const command = state === "hidden" || kind === "unknown" ? "unknown" : word;
  return {
    query:
      state === "hidden"
        ? HIDDEN
        : `<${state} ${kind === "unknown" ? "" : `${word} `}statement ${keyedHash(text)}>`,
    fingerprint: null,
    kind: state === "hidden" ? "unknown" : kind,
    command,
    tables: [],
    run_id: state === "truncated" ? null : runIdOf(text),
    text_state: state,
    secret_visible: state !== "hidden" && kind === "utility" && showsSecret(text),
  };
}
