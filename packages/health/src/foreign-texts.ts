/**
 * Texts of agents other than ours. The original one sends what pg_stat_statements has: queries in which placeholders
 * stand for literals, but utility statements as they were typed, with passwords and keys, and comments.
 */
import type { StatementStats } from "@quern/contract/agent/statements";

const QUERY = /^[\s(]*(?:select|insert|update|delete|merge|with|values|table)\b/i;
/** Quoted names are matched first, so that nothing in one is taken for a comment. */
const COMMENT = /"(?:[^"]|"")*"|\/\*[\s\S]*?(?:\*\/|$)|--[^\n]*/g;
const LITERAL = /'(?:[^']|'')*(?:'|$)|\$([a-z_]\w*)?\$[\s\S]*?(?:\$\1\$|$)/gi;
const WORDS = /^\s*[a-z]+(?:\s+[a-z]+)?/i;
const SECRET = /\b(?:password|connection|secret|options\s*\()/i;

/** A row of such an agent as it may be kept: utility statements by their first words, queries without comments. */
export function withoutForeignSecrets(row: StatementStats): StatementStats {
  const { query } = row;
  if (query === null || row.text_state !== undefined || row.fingerprint != null) return row;
  const bare = query.replace(COMMENT, (found) => (found.startsWith('"') ? found : " ")).trim();
  if (QUERY.test(bare)) return { ...row, query: bare.replace(LITERAL, "?") };
  const words = WORDS.exec(bare)?.[0] ?? "";
  return { ...row, query: `${words} …`.trim(), secret_visible: SECRET.test(bare) };
}
