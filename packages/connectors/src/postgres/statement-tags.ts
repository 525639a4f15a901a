/** Command tags: what a server says of a statement that is over. */

/** A statement that was broken off has no tag of the server's. */
export function tagOfCut(sql: string, rows: number): string {
  const word = /^[a-z]+/i.exec(sql)?.[0].toUpperCase() ?? "SELECT";
  return /^(INSERT|UPDATE|DELETE|MERGE|SHOW|EXPLAIN|FETCH|EXECUTE|CALL)$/.test(word)
    ? word
    : `SELECT ${rows}`;
}

export function isSelect(command: string | null): boolean {
  return command === null || /^(SELECT|SHOW|EXPLAIN|FETCH|TABLE|VALUES)/.test(command);
}

/** The count at the end of a tag such as `INSERT 0 5`. */
export function affected(command: string | null): number | null {
  const count = /^(?:INSERT \d+|UPDATE|DELETE|MERGE|COPY|SELECT|MOVE) (\d+)$/.exec(
    command ?? "",
  )?.[1];
  return count === undefined ? null : Number(count);
}
