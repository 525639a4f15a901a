/**
 * A text with parameters as PostgreSQL's parser takes it: `{{ x }}` becomes `$1` and blanks, `[[` and `]]` become blanks. It
 * keeps its length, so that each offset means the same place in both.
 */
import { readTemplate } from "@quern/contract/parameters/template";

export function plainSql(sql: string): string {
  const { marks } = readTemplate(sql);
  let plain = "";
  let done = 0;
  for (const { kind, start, end } of marks) {
    const length = end - start;
    plain += sql.slice(done, start) + (kind === "use" ? "$1".padEnd(length) : " ".repeat(length));
    done = end;
  }
  return plain + sql.slice(done);
}

/** The UTF-16 offset in `text` behind so many characters, as PostgreSQL counts them; its end when there are fewer. */
export function offsetOfCharacter(text: string, characters: number): number {
  let at = 0;
  for (let passed = 0; passed < characters && at < text.length; passed += 1)
    at += text.codePointAt(at)! < 0x10000 ? 1 : 2;
  return at;
}
