/** Statements of what somebody types, as they end. */
import { scan } from "@quern/contract/postgres-lexer";
import { isOutermost, openStatement, step } from "@quern/contract/postgres-statement";

/** The statements that a `;` ended, and the rest, which goes on in the next line. */
export function endedStatements(text: string): { statements: string[]; rest: string } {
  const statements: string[] = [];
  let open = openStatement(0, 0);
  for (const token of scan(text)) {
    const value = text.slice(token.start, token.end);
    const said = token.kind === "word" ? value.toLowerCase() : token.kind === "symbol" ? value : "";
    if (value === ";" && token.kind === "symbol" && isOutermost(open)) {
      statements.push(text.slice(open.start, token.end).trim());
      open = openStatement(token.end, token.end);
    } else step(open, token.kind === "word", said);
  }
  return { statements, rest: text.slice(open.start) };
}
