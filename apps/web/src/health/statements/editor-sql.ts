/** A normalised statement as a query with parameters, so that it can be run by filling them in. */
import type { Parameter } from "@quern/contract/parameters";
import { identifier, type Token, tokenize } from "../../sql/tokens.ts";

const PLACE = /^\$([1-9]\d{0,3})$/;
const COMPARISON = /^[=<>!]{1,2}$/;

/**
 * `$1` becomes `{{ p1 }}`, wherever PostgreSQL would read a parameter. Their types are guessed by what stands before them
 * and are text else; a person may change them.
 */
export function editorQuery(sql: string): { sql: string; params: Parameter[] } {
  const tokens = tokenize(sql).filter(({ kind }) => kind !== "comment");
  const params = new Map<string, Parameter>();
  let text = "";
  let done = 0;
  for (const [at, token] of tokens.entries()) {
    const place = PLACE.exec(token.text)?.[1];
    if (place === undefined) continue;
    const name = `p${place}`;
    const known = params.get(name);
    if (known === undefined || known.type === "text")
      params.set(name, { name, type: typeAt(tokens, at) });
    text += `${sql.slice(done, token.start)}{{ ${name} }}`;
    done = token.end;
  }
  return { sql: text + sql.slice(done), params: [...params.values()] };
}

/** Of `orders.customer_id = $1` the name before the comparison tells most; a cast behind it takes text. */
function typeAt(tokens: readonly Token[], at: number): Parameter["type"] {
  if (tokens[at + 1]?.text === "::") return "text";
  const before = tokens[at - 1]?.text.toLowerCase() ?? "";
  if (before === "limit" || before === "offset") return "int8";
  let place = before === "between" ? at - 2 : at - 1;
  while (COMPARISON.test(tokens[place]?.text ?? "")) place -= 1;
  const named = tokens[place];
  if (place === at - 1 || named === undefined) return "text";
  const column = identifier(named);
  if (/(^|_)id$/.test(column)) return "int8";
  if (/_at$/.test(column)) return "timestamptz";
  return /(^|_)(on|date|day)$/.test(column) ? "date" : "text";
}
