/** Errors of syntax before anything runs, one statement at a time: one error does not hide the others. */
import { plainSql } from "./plain-sql.ts";
import { splitStatements, tokenSpanAt } from "./statements.ts";

export type SyntaxFault = { message: string; start: number; end: number };
/** What PostgreSQL's parser says of one statement: null when it is right, else why and at which UTF-16 offset. */
export type Parse = (statement: string) => { message: string; offset: number } | null;

const MOST_ERRORS = 100;
const MOST_KNOWN = 2000;

/** Checks texts with `parse`; statements that were seen already are not parsed again. */
export function syntaxChecker(parse: Parse): (sql: string) => SyntaxFault[] {
  const known = new Map<string, ReturnType<Parse>>();
  return (sql) => {
    const plain = plainSql(sql);
    const errors: SyntaxFault[] = [];
    for (const { start, end } of splitStatements(plain)) {
      const statement = plain.slice(start, end);
      let found = known.get(statement);
      if (found === undefined) {
        found = parse(statement);
        if (known.size >= MOST_KNOWN) known.clear();
        known.set(statement, found);
      }
      if (found === null) continue;
      // At the end of the input there is no word to point at: the last one is.
      const offset = Math.min(found.offset, Math.max(0, statement.length - 1));
      const span = tokenSpanAt(sql, start + offset);
      errors.push({
        message: found.message,
        start: span.start,
        end: Math.max(span.end, span.start + 1),
      });
      if (errors.length === MOST_ERRORS) break;
    }
    return errors;
  };
}
