/** For tests only: results of real statements, and work on them as an executor does it. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { postgres } from "@quern/connectors/postgres/connector";
import { GENEROUS, testClient, testTarget } from "@quern/connectors/testing/target";
import type { Cell, Column, Part, Statement } from "@quern/contract/results";
import type { ResultView } from "@quern/contract/run-results";
import { type Derivation, derive, type StagedResult } from "@quern/results/derive/derive";
import { partName } from "@quern/results/part-name";
import { parseFilters } from "@quern/results/read/filter-values";
import { readRows } from "@quern/results/read/rows";
import { partFromBytes } from "@quern/results/read/source";
import { openResultWriter } from "@quern/results/write/writer";
import { recordingSink } from "./sink.ts";

export type DerivedRows = {
  columns: Column[];
  rows: Cell[][];
  parts: Part[];
  truncated: string | null;
};

/** Everything is on the database of this name, and in a folder that `stop` deletes. */
export async function startDeriving(database: Parameters<typeof testClient>[0]) {
  const folder = mkdtempSync(join(tmpdir(), "quern-derive-"));
  const client = await testClient(database, "text");
  await client.query("set timezone = 'UTC'; set datestyle = 'ISO, YMD'");

  /** What the last statement gives, as a stored result. */
  async function stored(sql: string): Promise<StagedResult> {
    const directory = mkdtempSync(join(folder, "run-"));
    const parts: Part[] = [];
    const given = { statements: [] as Statement[], notices: [] };
    const writer = openResultWriter(directory, { onPart: (part) => parts.push(part) });
    const link = { send: () => {}, allowed: () => Promise.resolve() };
    await postgres.execute(
      testTarget(database.name),
      { sql, params: [], options: { ...GENEROUS, max_cell_bytes: 32 * 1024 ** 2 } },
      recordingSink(writer, link, given),
    );
    await writer.close();
    const statement = given.statements.at(-1);
    return {
      columns: statement?.columns ?? [],
      rows: statement?.rows ?? 0,
      parts: parts.map((part) => ({ ...part, path: join(directory, partName(part)) })),
    };
  }

  async function derived(work: Derivation, maxRows = 1_000_000): Promise<DerivedRows> {
    const directory = mkdtempSync(join(folder, "derived-"));
    const parts: Part[] = [];
    const result = await derive(work, {
      directory,
      memory_limit_bytes: 200 * 1024 ** 2,
      max_temp_bytes: 1024 ** 3,
      max_rows: maxRows,
      onPart: (part) => parts.push(part),
    });
    const left = readdirSync(directory).filter(
      (name) => !parts.some((part) => partName(part) === name),
    );
    if (left.length > 0) throw new Error(`the work left ${left.join()}`);
    const open = async (part: Part) => {
      const path = join(directory, partName(part));
      return partFromBytes(path, readFileSync(path));
    };
    const manifest = { columns: result.columns, rows: result.rows, parts };
    return { ...result, parts, rows: await readRows(manifest, open, 0, result.rows) };
  }

  async function view(
    source: StagedResult,
    asked: Omit<ResultView, "statement">,
  ): Promise<Cell[][]> {
    const filters = parseFilters(source.columns, asked.filters ?? []);
    const { columns, rows } = await derived({
      kind: "result_view",
      source,
      view: { ...asked, filters },
    });
    if (columns.length !== source.columns.length)
      throw new Error("a view has the columns of its source");
    return rows;
  }

  /** The first column as PostgreSQL prints it. */
  async function printed(sql: string): Promise<(string | null)[]> {
    const { rows } = await client.query({ text: sql, rowMode: "array" });
    return rows.map(([value]) => value);
  }

  return {
    folder,
    client,
    stored,
    derived,
    view,
    printed,
    async stop() {
      await client.end();
      rmSync(folder, { recursive: true });
    },
  };
}
