/** psql's own commands and variables, and rows after `copy … from stdin`: what PostgreSQL's parser does not know. */
const PSQL =
  /^\s*\\|(?<![:\w"'\]])::?['"]|(?<![:\w\])'"]):\{?\??[A-Za-z_]|\bfrom\s+stdin\b|\\g|\\;/im;

/** Whether a script is SQL and nothing else, so that PostgreSQL's parser can judge it. */
export function isPlainSql(text: string): boolean {
  return !PSQL.test(text);
}
