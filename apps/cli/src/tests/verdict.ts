/**
 * When a test file fails, besides by an error:
 * a row of a result whose first column is called `not_ok`; a row whose column `ok` is not true; a line of TAP (a result with
 * one column of text: pgTAP's functions, or by hand) that begins with `not ok`, says `Bail out!`, or numbers that do not
 * agree with the plan `1..n`.
 */
import type { Cell, Column } from "@quern/contract/results";

export type Checked = { columns: Column[]; rows: Cell[][]; truncated: boolean };

/** `checks`: how many things were found to hold or not. `faults`: one line each of what does not. */
export type Verdict = { checks: number; faults: string[]; skipped: string | null };

const MOST_FAULTS = 20;
const TAP_LINE = /^(not )?ok\b\s*(\d+)?\s*-?\s*(.*)$/s;
const PLAN = /^1\.\.(\d+)(?:\s*#\s*skip\s*(.*))?$/i;

/** What the results of a file say, in the order of its statements. */
export function judge(results: readonly Checked[]): Verdict {
  const tap = openTap();
  const faults: string[] = [];
  let checks = 0;
  for (const { columns, rows, truncated } of results) {
    if (truncated)
      faults.push("a result was cut by its limit, so that not all of it was looked at");
    const okColumn = columns.findIndex(({ name, type }) => name === "ok" && type === "bool");
    if (columns[0]?.name.toLowerCase() === "not_ok") {
      checks += 1;
      for (const row of rows) faults.push(`not_ok: ${rowWords(columns, row)}`);
    } else if (okColumn !== -1) {
      checks += rows.length;
      for (const row of rows) if (row[okColumn] !== true) faults.push(rowWords(columns, row));
    } else if (columns.length === 1 && columns[0]!.type === "text") {
      for (const [cell] of rows) for (const line of String(cell ?? "").split("\n")) tap.read(line);
    }
  }
  const said = tap.end();
  return {
    checks: checks + said.checks,
    faults: shortened([...faults, ...said.faults]),
    skipped: said.skipped,
  };
}

/** Follows lines of TAP: https://testanything.org/tap-version-14-specification.html */
function openTap() {
  let planned: number | null = null;
  let skipped: string | null = null;
  let seen = 0;
  const faults: string[] = [];
  return {
    read(line: string): void {
      const plan = PLAN.exec(line);
      if (plan) {
        planned = Number(plan[1]);
        if (planned === 0) skipped = plan[2] ?? "";
      } else if (/^Bail out!/i.test(line)) faults.push(line);
      else if (/^(not )?ok\b/.test(line)) {
        const [, not, number, words] = TAP_LINE.exec(line)!;
        seen += 1;
        if (number !== undefined && Number(number) !== seen)
          faults.push(`the check numbered ${number} is number ${seen}`);
        if (not && !/#\s*(todo|skip)\b/i.test(words!)) faults.push(line);
      } else if (/^#/.test(line) && faults.at(-1)?.startsWith("not ok")) {
        // What pgTAP says below a check that failed.
        faults[faults.length - 1] += `\n${line}`;
      }
    },
    end() {
      if (planned !== null && planned !== seen && faults.every((fault) => !/^Bail/i.test(fault)))
        faults.push(`${planned} checks were planned, and ${seen} made`);
      return { checks: seen, faults, skipped };
    },
  };
}

function rowWords(columns: readonly Column[], row: readonly Cell[]): string {
  const cells = row.map(
    (cell, index) => `${columns[index]!.name}=${cell === null ? "NULL" : cell}`,
  );
  const words = cells.join(", ");
  return words.length > 300 ? `${words.slice(0, 299)}…` : words;
}

function shortened(faults: string[]): string[] {
  if (faults.length <= MOST_FAULTS) return faults;
  const more = faults.length - MOST_FAULTS;
  return [...faults.slice(0, MOST_FAULTS), `… and ${more} more`];
}
