/** Whether a script only defines things: then it evaluates nothing, whatever defaults, triggers and functions were defined before it. */
import { scan } from "@quern/contract/postgres-lexer";

const NEVER_RUN = ["function", "procedure", "view", "type", "domain", "schema", "sequence"];
const KINDS = new Set([...NEVER_RUN, "table", "index", "trigger", "policy", "role"]);
const BETWEEN = new Set(["or", "replace", "unique", "unlogged"]);
/** A table that is made out of a query runs that. */
const QUERIES = new Set(["select", "values", "execute"]);
/** Each row gets a value then. */
const FILLS = new Set(["default", "generated", "using", "type"]);

/** Types that no script can give a default of its own, as a domain may have one. */
const BUILT_IN = new Set([
  ..."bigint bigserial boolean bool bytea char character date decimal double float inet int int2 int4 int8".split(
    " ",
  ),
  ..."integer interval json jsonb numeric real smallint text time timestamp timestamptz uuid varchar xml".split(
    " ",
  ),
]);

/** `sql`: a script without what it includes. False where that cannot be told by the words, as with commands of psql. */
export function onlyDefines(sql: string): boolean {
  if (sql.includes("\\")) return false;
  let depth = 0;
  let words: string[] = [];
  for (const { kind, start, end } of scan(sql)) {
    const text = kind === "other" ? "''" : sql.slice(start, end).toLowerCase();
    if (text === "(") depth += 1;
    else if (text === ")") depth -= 1;
    if (text === ";" && depth === 0) {
      if (!defines(words)) return false;
      words = [];
    } else words.push(text);
  }
  return defines(words);
}

function defines(words: readonly string[]): boolean {
  switch (words[0]) {
    case undefined:
    case "comment":
    case "grant":
    case "revoke":
    case "drop":
      return true;
    case "create":
      return creates(words.slice(1));
    case "alter":
      return words[1] === "table" && !words.some((word) => FILLS.has(word)) && addsPlainly(words);
    default:
      return false;
  }
}

function creates(words: readonly string[]): boolean {
  const kind = words.find((word) => !BETWEEN.has(word)) ?? "";
  if (!KINDS.has(kind)) return false;
  if (kind !== "table") return true;
  return !words.some(
    (word, at) => QUERIES.has(word) || (word === "as" && words[at + 1] === "table"),
  );
}

/** Of each column that is added: its type is no domain. */
function addsPlainly(words: readonly string[]): boolean {
  return words.every((word, at) => {
    if (word !== "add") return true;
    let next = at + 1;
    if (["constraint", "primary", "unique", "foreign", "check"].includes(words[next] ?? ""))
      return true;
    if (words[next] === "column") next += 1;
    if (words[next] === "if") next += 3;
    return BUILT_IN.has(words[next + 1] ?? "");
  });
}
