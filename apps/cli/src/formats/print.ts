/** Results of a run on stdout or in a file, by the options that all commands with rows share. */
import type { Client } from "@quern/contract/client";
import type { Truncated } from "@quern/contract/results";
import { readRun } from "@quern/contract/runs";
import { coloursOf } from "../colours.ts";
import type { Context, Options, Values } from "../commands/command.ts";
import { CliError, EXIT, systemCode, UsageError } from "../faults.ts";
import { openOutput } from "../terminal.ts";
import { formatted, ROW_FORMATS, type RowFormat, type Rows, readRows } from "./rows.ts";
import { parseNumber } from "./times.ts";

export const ROW_OPTIONS = {
  format: { type: "string", short: "f", choices: ROW_FORMATS, words: "table when left out" },
  json: { type: "boolean", words: "The same as --format json: an array of objects" },
  csv: { type: "boolean", words: "The same as --format csv" },
  tsv: { type: "boolean", words: "The same as --format tsv: COPY's text format, with a header" },
  table: { type: "boolean", words: "The same as --format table" },
  statement: { type: "string", value: "N", words: "The result of that statement, from 1, alone" },
  output: { type: "string", short: "o", value: "FILE", words: "Write the rows there" },
} as const satisfies Options;

export const LIMIT_OPTIONS = {
  "max-rows": { type: "string", value: "N", words: "Stop after so many rows" },
} as const satisfies Options;

type Asked = Values<typeof ROW_OPTIONS>;

/** The one format that was asked for. Throws `UsageError` for two. */
export function formatOf(
  options: Pick<Asked, "format" | "json" | "csv" | "tsv" | "table">,
): RowFormat {
  const flags = (["json", "csv", "tsv", "table"] as const).filter((name) => options[name]);
  const asked = [...new Set([...flags, ...(options.format ? [options.format] : [])])];
  if (asked.length > 1) throw new UsageError(`Choose one of --${asked.join(", --")}`);
  return asked[0] ?? "table";
}

/** The fields of limits that were asked for. Throws `UsageError`. */
export function rowLimits(options: Values<typeof LIMIT_OPTIONS>): { max_rows?: number } {
  const text = options["max-rows"];
  if (text === undefined) return {};
  return { max_rows: parseNumber("max-rows", text, { min: 1, max: 50_000_000 }) };
}

export type Printing = { options: Asked; context: Context };

/**
 * Prints what a run gave: each of its results as a table, or the last one in a format for programs. `last`: the last result when
 * it is in hand already.
 */
export async function printRun(
  { options, context }: Printing,
  run_id: string,
  last: Rows | null = null,
): Promise<void> {
  const format = formatOf(options);
  const { client } = context;
  const asked =
    options.statement === undefined
      ? null
      : parseNumber("statement", options.statement, { min: 1, max: 10_000 }) - 1;
  const indexes =
    asked !== null ? [asked] : format === "table" ? await resultsOf(client, run_id) : [undefined];
  if (indexes.length === 0) return;
  const target = await openTarget(context, options.output);
  for (const [place, statement] of indexes.entries()) {
    const isLast = last !== null && asked === null && place === indexes.length - 1;
    const rows = isLast ? last : await readRows(client, run_id, { statement });
    if (place > 0) await target.out("\n");
    for await (const piece of formatted(format, rows, target)) await target.out(piece);
    warnOfCut(context, rows);
  }
  await target.close();
}

/** Indexes of the statements that gave rows. */
async function resultsOf(client: Client, run_id: string): Promise<number[]> {
  const { statements } = await client.call(readRun, { params: { id: run_id } });
  return statements.filter(({ columns }) => columns !== null).map(({ index }) => index);
}

function warnOfCut(
  { terminal }: Context,
  { truncated, total }: { truncated: Truncated; total: number },
) {
  if (truncated === null) return;
  const more = truncated === "rows" ? "--max-rows allows more" : "it reached its limit of bytes";
  terminal.say(terminal.colours.err.yellow(`The result was cut after ${total} rows: ${more}.`));
}

async function openTarget({ terminal }: Context, output: string | undefined) {
  const plain = {
    columns: terminal.isTTY ? terminal.columns : null,
    colours: terminal.colours.out,
  };
  if (output === undefined) return { ...plain, out: terminal.out, close: async () => {} };
  try {
    const file = await openOutput(output);
    return { ...file, columns: null, colours: coloursOf(false) };
  } catch (error) {
    const code = systemCode(error);
    if (code === undefined) throw error;
    throw new CliError(`${output} cannot be written: ${code}`, EXIT.usage);
  }
}
