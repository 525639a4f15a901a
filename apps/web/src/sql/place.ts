/** What kind of thing is written at a place of a statement, read from the tokens before it. */
import { isName, NOT_ALIAS } from "./sources.ts";
import { identifier, type Token } from "./tokens.ts";

export type Place =
  /** A name that somebody makes up, or nothing at all. */
  | { kind: "nothing" }
  | { kind: "statement" }
  | { kind: "table"; join: boolean }
  /** Behind the name of a table: its alias, or the next clause. */
  | { kind: "after_table"; join: boolean; aliased: boolean }
  | { kind: "member"; chain: string[] }
  | { kind: "join_condition" }
  | { kind: "shared_columns" }
  /** `insert into t (`, `update t set`, `on conflict (`: columns of the table that is written. */
  | { kind: "target_columns" }
  | { kind: "type" }
  /** A value begins here. */
  | { kind: "value"; clause: string }
  /** A value ended here. */
  | { kind: "after_value"; clause: string };

const BEFORE_TABLE = /^(from|join|update|into|table|only)$/;
const CLAUSE =
  /^(select|from|where|group|order|having|on|set|values|returning|using|limit|offset|window|join|with|partition|fetch|into|update|delete|insert|when|then|else|case|explain|conflict)$/;
const VALUE_WORD =
  /^(select|distinct|all|where|and|or|not|on|having|by|set|returning|when|then|else|case|between|in|like|ilike|similar|limit|offset|using|over|filter|any|some|exists|is|from|to|explain|analyze|interval|cast|extract|values)$/;

const low = (token: Token | undefined): string =>
  token?.kind === "word" || token?.kind === "symbol" ? token.text.toLowerCase() : "";

export function placeAfter(before: readonly Token[]): Place {
  const last = before.at(-1);
  const word = low(last);
  if (last === undefined || word === ";") return { kind: "statement" };
  if (word === ".") return { kind: "member", chain: chainBefore(before, before.length - 1) };
  if (word === "as") return afterAs(before);
  if (word === "::") return { kind: "type" };
  if (isTableStart(before)) return { kind: "table", join: word === "join" };
  const table = endsTable(before);
  if (table) return { kind: "after_table", ...table };
  if (word === "on" && clauseOf(before.slice(0, -1)).word !== "distinct" && joinBefore(before))
    return { kind: "join_condition" };
  const clause = clauseOf(before);
  if (clause.bracket) {
    const opener = before[clause.at - 1];
    const openWord = low(opener);
    const listed = word === "(" || word === ",";
    if (listed && openWord === "using" && joinBefore(before.slice(0, clause.at)))
      return { kind: "shared_columns" };
    if (listed && (openWord === "conflict" || isInsertTarget(before, clause.at)))
      return { kind: "target_columns" };
  }
  if (word === "set" && clauseOf(before.slice(0, -1)).word === "update")
    return { kind: "target_columns" };
  if (word === "," && clause.word === "set") return { kind: "target_columns" };
  if (word === "explain" || (word === "analyze" && before.length === 2) || endsExplain(before))
    return { kind: "statement" };
  return endsValue(last)
    ? { kind: "after_value", clause: clause.word }
    : { kind: "value", clause: clause.word };
}

/** `cast(x as` wants a type, `with a as` a bracket; everywhere else a name is made up. */
function afterAs(before: readonly Token[]): Place {
  const { bracket, at } = clauseOf(before);
  return bracket && low(before[at - 1]) === "cast" ? { kind: "type" } : { kind: "nothing" };
}

function endsExplain(before: readonly Token[]): boolean {
  return (
    low(before[0]) === "explain" &&
    before.at(-1)?.text === ")" &&
    before.findIndex((token) => token.text === ")") === before.length - 1
  );
}

/** The names before the dot at `dot`: `a.b.` gives a, b. */
function chainBefore(tokens: readonly Token[], dot: number): string[] {
  const names: string[] = [];
  for (let at = dot; at > 0 && low(tokens[at]) === "."; at -= 2) {
    const name = tokens[at - 1];
    if (!isName(name)) break;
    names.unshift(identifier(name));
  }
  return names;
}

function isTableStart(before: readonly Token[]): boolean {
  const word = low(before.at(-1));
  const previous = low(before.at(-2));
  if (word === "update" && /^(do|for|then)$/.test(previous)) return false;
  if (word === "from" && (previous === "distinct" || isFunctionFrom(before))) return false;
  if (word === "lateral") return true;
  if (word === "using" && low(before[0]) === "delete") return true;
  if (BEFORE_TABLE.test(word)) return true;
  if (word === "(") return /^(from|join)$/.test(previous);
  return word === "," && clauseOf(before).word === "from" && !clauseOf(before).bracket;
}

/** `extract(year from`, `substring(a from`, `trim(both from` go on with a value. */
function isFunctionFrom(before: readonly Token[]): boolean {
  const { bracket, at } = clauseOf(before.slice(0, -1));
  return bracket && /^(extract|substring|trim|overlay|position)$/.test(low(before[at - 1]));
}

/** `from flights`, `join ohub.outages o`, `from t as x`, behind which the next clause may come. */
function endsTable(before: readonly Token[]): { join: boolean; aliased: boolean } | null {
  const plain = endsTableName(before);
  if (plain) return { ...plain, aliased: false };
  const last = before.at(-1);
  if (!isName(last) || (last.kind === "word" && NOT_ALIAS.has(low(last)))) return null;
  const named = endsTableName(before.slice(0, low(before.at(-2)) === "as" ? -2 : -1));
  return named && { ...named, aliased: true };
}

function endsTableName(before: readonly Token[]): { join: boolean } | null {
  let at = before.length - 1;
  const last = before[at];
  if (!isName(last) || (last.kind === "word" && NOT_ALIAS.has(low(last)))) return null;
  at -= 1;
  while (low(before[at]) === "." && isName(before[at - 1])) at -= 2;
  const head = before.slice(0, at + 1);
  return isTableStart(head) ? { join: low(head.at(-1)) === "join" } : null;
}

/** Whether a join is what the `on` or `using` at the end belongs to. */
function joinBefore(before: readonly Token[]): boolean {
  for (let at = before.length - 1; at >= 0; at -= 1) {
    const word = low(before[at]);
    if (word === ")") at = openingOf(before, at);
    else if (word === "join") return true;
    else if (word === "(" || /^(select|where|from|merge|group|order|set)$/.test(word))
      return word === "merge";
  }
  return false;
}

/** `insert into t (`, with the bracket at `open`. */
function isInsertTarget(before: readonly Token[], open: number): boolean {
  let at = open - 1;
  if (!isName(before[at])) return false;
  at -= 1;
  while (low(before[at]) === "." && isName(before[at - 1])) at -= 2;
  return low(before[at]) === "into";
}

/** The word of the clause that the end of the tokens is in; `bracket`: an opening bracket at `at` is nearer. */
function clauseOf(before: readonly Token[]): { word: string; bracket: boolean; at: number } {
  let bracket = -1;
  for (let at = before.length - 1; at >= 0; at -= 1) {
    const word = low(before[at]);
    if (word === ")") at = openingOf(before, at);
    else if (word === "(") {
      if (bracket === -1) bracket = at;
    } else if (before[at]?.kind === "word" && CLAUSE.test(word) && low(before[at - 1]) !== ".")
      return { word, bracket: bracket !== -1, at: bracket === -1 ? at : bracket };
  }
  return { word: "", bracket: bracket !== -1, at: Math.max(0, bracket) };
}

function openingOf(tokens: readonly Token[], close: number): number {
  let depth = 0;
  for (let at = close; at >= 0; at -= 1) {
    if (tokens[at]?.text === ")") depth += 1;
    if (tokens[at]?.text === "(") depth -= 1;
    if (depth === 0) return at;
  }
  return 0;
}

function endsValue(last: Token): boolean {
  if (last.kind === "word") return !VALUE_WORD.test(last.text.toLowerCase());
  return last.kind !== "symbol" || /^[)\]}*]$/.test(last.text);
}
