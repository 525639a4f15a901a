import { storableText } from "@quern/contract/text";
import { keyedHash } from "../text/keyed-hash.ts";
import { withoutMysqlLiterals } from "./statement.ts";

const MAX_RESULT = 2_000;

/**
 * A default, a check, a generated column or the expression of an index, without literals. `hash` is of the text as it
 * was, under this agent's own key: equal texts have equal hashes.
 */
export function normaliseMysqlExpression(text: string): { text: string; hash: string } {
  const hash = keyedHash(text);
  const plain = withoutMysqlLiterals(storableText(text));
  if (plain === null) return { text: `<unparsable ${hash}>`, hash };
  return { text: plain.length > MAX_RESULT ? `<too long ${hash}>` : plain, hash };
}

/** `varchar(40)`, `decimal(10,2) unsigned`; of `enum('a','b')` the number of its labels, which are values. */
export function typeOf(columnType: string): string {
  const list = /^(enum|set)\s*\(/i.exec(columnType)?.[1];
  if (list === undefined)
    return storableText(columnType)
      .replace(/'[^']*'/g, "?")
      .slice(0, 300);
  const labels = columnType.match(/'(?:[^'\\]|''|\\.)*'/gs)?.length ?? 0;
  return `${list.toLowerCase()}(${labels} labels)`;
}
