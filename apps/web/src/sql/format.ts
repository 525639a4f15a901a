/** Laying SQL out anew. Only blanks may change: whatever else the formatter did, the text stays as it was. */
import { type Mark, readTemplate } from "@quern/contract/parameters/template";
import { formatDialect, postgresql } from "sql-formatter";
import { type Token, tokenize } from "./tokens.ts";

export type Formatted = { text: string } | { reason: "changed" | "unreadable"; detail: string };

const MAY_END_IN_SIGN = /[~!@#%^&|`?]/;
const OPERATOR_SIGN = /^[-+*/<>=~!@#%^&|`?]$/;

/** Stand for a `{{ }}`, a `[[` or a `]]` while the text is laid out: two signs of Unicode's private use around a number. */
const [OPEN, CLOSE] = ["\ue000", "\ue001"];
const STAND_IN = /\ue000[uoc]\d+\ue001/g;
/** `[[` and the line's end behind it. */
const OPENED_AT_END = /[ \t]*(\n[ \t]*)?(\ue000o\d+\ue001)[ \t]*(\n[ \t]*)?/g;

export function formatSql(sql: string): Formatted {
  const { marks } = readTemplate(sql);
  if (sql.includes(OPEN)) return { reason: "unreadable", detail: "U+E000" };
  let text: string;
  try {
    text = formatDialect(standIn(sql, marks), {
      dialect: postgresql,
      tabWidth: 2,
      keywordCase: "preserve",
      expressionWidth: 80,
      linesBetweenQueries: 1,
      paramTypes: { custom: [{ regex: STAND_IN.source }] },
    });
  } catch (error) {
    // The formatter throws an Error of its own for texts that its grammar does not know.
    if (!(error instanceof Error)) throw error;
    return { reason: "unreadable", detail: error.message.split("\n")[0] ?? "" };
  }
  const laid = restored(text, sql, marks);
  const difference = firstDifference(sqlWords(sql), sqlWords(laid));
  if (difference !== null) return { reason: "changed", detail: difference };
  return { text: laid };
}

function standIn(sql: string, marks: readonly Mark[]): string {
  let text = "";
  let done = 0;
  marks.forEach(({ kind, start, end }, at) => {
    text += `${sql.slice(done, start)}${OPEN}${kind.charAt(0)}${at}${CLOSE}`;
    done = end;
  });
  return text + sql.slice(done);
}

/** `[[` stands before what it makes optional, on the same line, and `]]` right behind it. */
function restored(text: string, sql: string, marks: readonly Mark[]): string {
  return (
    text
      .replace(
        OPENED_AT_END,
        (_, before = "", mark, after = "") => `${before || after || " "}${mark}`,
      )
      // Behind a comment of the line it would be a part of that.
      .replace(/(--[^\n]*)?(\s*)(\ue000c\d+\ue001)/g, (found, comment, _blank, mark) =>
        comment === undefined ? ` ${mark}` : found,
      )
      .replace(STAND_IN, (found) => {
        const mark = marks[Number(found.slice(2, -1))];
        return mark ? sql.slice(mark.start, mark.end) : found;
      })
  );
}

/**
 * The tokens as PostgreSQL reads them, comments among them: signs that stand together are one operator, and an operator
 * ends in `+` or `-` only when it has a sign that none of SQL's own has.
 */
export function sqlWords(sql: string): string[] {
  const tokens = tokenize(sql);
  const found: string[] = [];
  for (let at = 0; at < tokens.length; ) {
    const run = signsFrom(tokens, at);
    if (run.length === 0) {
      found.push(tokens[at]!.kind === "comment" ? tokens[at]!.text.trimEnd() : tokens[at]!.text);
      at += 1;
      continue;
    }
    let length = run.length;
    if (!run.some((token) => MAY_END_IN_SIGN.test(token.text)))
      while (length > 1 && /[-+]/.test(run[length - 1]!.text)) length -= 1;
    found.push(
      run
        .slice(0, length)
        .map((token) => token.text)
        .join(""),
    );
    at += length;
  }
  return found;
}

function signsFrom(tokens: readonly Token[], from: number): Token[] {
  const run: Token[] = [];
  for (let at = from; at < tokens.length; at += 1) {
    const token = tokens[at]!;
    if (!OPERATOR_SIGN.test(token.text) || (run.length > 0 && run.at(-1)!.end !== token.start))
      break;
    run.push(token);
  }
  return run;
}

function firstDifference(before: readonly string[], after: readonly string[]): string | null {
  for (let at = 0; at < Math.max(before.length, after.length); at += 1)
    if (before[at] !== after[at]) return (before[at] ?? after[at] ?? "").slice(0, 60);
  return null;
}
