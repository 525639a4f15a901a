/** Work on stored results. What it gives is written as parts like any result's. */
import type { Cell, Column, Truncated } from "@quern/contract/results";
import type { ResultView } from "@quern/contract/run-results";
import type { Physical } from "../physical.ts";
import { openResultWriter } from "../write/writer.ts";
import { COMPARISON_COLUMNS, changesSql, differenceSql } from "./comparison.ts";
import { batchOfRows, storagesOf } from "./row-batch.ts";
import { filesSql, kindsOf, relationOf, type StagedResult, sidesOf } from "./source.ts";
import { describeColumn, STATISTICS_COLUMNS } from "./statistics.ts";
import { viewSql } from "./view.ts";
import { openWorkDatabase, type WorkDatabase, type WorkOptions } from "./work-database.ts";

export type { StagedResult };

export type Derivation =
  | { kind: "result_view"; source: StagedResult; view: Omit<ResultView, "statement"> }
  | { kind: "result_statistics"; source: StagedResult }
  /** Both have the same columns. */
  | { kind: "result_comparison"; source: StagedResult; other: StagedResult };

export type Derived = {
  command: string;
  columns: Column[];
  rows: number;
  /** Uncompressed. */
  bytes: number;
  truncated: Truncated;
};

export type DerivationOptions = WorkOptions & { max_rows: number };

/**
 * Does the work in a DuckDB that can open the files of its sources and nothing else. Parts are announced to `onPart` and
 * written to `directory`.
 */
export async function derive(work: Derivation, options: DerivationOptions): Promise<Derived> {
  const sources = work.kind === "result_comparison" ? [work.source, work.other] : [work.source];
  if (work.source.columns.length === 0) return withoutColumns(work, options);
  const database = await openWorkDatabase(sources, options);
  try {
    switch (work.kind) {
      case "result_view":
        return await view(database, work);
      case "result_statistics":
        return await statistics(database, work.source, options);
      case "result_comparison":
        return await comparison(database, work, options.max_rows);
    }
  } finally {
    await database.close();
  }
}

async function kindsIn(database: WorkDatabase, source: StagedResult): Promise<Physical[]> {
  if (source.parts.length === 0) return kindsOf(source, []);
  const described = await database.ask<{ column_name: string; column_type: string }>(
    `select column_name, column_type from (describe select * from ${filesSql(source)})`,
  );
  return kindsOf(source, described);
}

async function view(
  database: WorkDatabase,
  work: Extract<Derivation, { kind: "result_view" }>,
): Promise<Derived> {
  const { source } = work;
  const sides = sidesOf(source);
  const relation = relationOf(source, await kindsIn(database, source), sides);
  const written = await database.writeParts(viewSql(relation, work.view), sides);
  return { ...written, command: `VIEW ${written.rows}`, columns: source.columns, truncated: null };
}

async function statistics(
  database: WorkDatabase,
  source: StagedResult,
  options: DerivationOptions,
): Promise<Derived> {
  const relation = relationOf(source, await kindsIn(database, source), sidesOf(source));
  const rows: Cell[][] = [];
  for (const stored of relation.columns) {
    rows.push(await describeColumn(database, source, relation, stored));
  }
  return writeRows("STATISTICS", STATISTICS_COLUMNS, rows, options);
}

async function comparison(
  database: WorkDatabase,
  { source, other }: Extract<Derivation, { kind: "result_comparison" }>,
  maxRows: number,
): Promise<Derived> {
  const kinds = await kindsIn(database, source.parts.length > 0 ? source : other);
  const sides = [...new Set([...sidesOf(source), ...sidesOf(other)])].sort((a, b) => a - b);
  const ours = relationOf(source, kinds, sides);
  await database.run(differenceSql(ours, relationOf(other, kinds, sides)));
  const [total] = await database.ask<{ n: string }>(
    "select count(*)::varchar as n from difference",
  );
  const shifted = sides.map((index) => index + COMPARISON_COLUMNS.length);
  const written = await database.writeParts(changesSql(ours, maxRows), shifted);
  return {
    ...written,
    command: `COMPARISON ${written.rows}`,
    columns: [...COMPARISON_COLUMNS, ...source.columns],
    truncated: Number(total?.n) > maxRows ? "rows" : null,
  };
}

/** Rows without columns are only a number, and there is no file of them. */
async function withoutColumns(work: Derivation, options: DerivationOptions): Promise<Derived> {
  if (work.kind === "result_statistics")
    return writeRows("STATISTICS", STATISTICS_COLUMNS, [], options);
  if (work.kind === "result_view") {
    const { rows } = work.source;
    return { command: `VIEW ${rows}`, columns: [], rows, bytes: 0, truncated: null };
  }
  const more = work.source.rows - work.other.rows;
  const rows = more === 0 ? [] : [[more > 0 ? "added" : "removed", String(Math.abs(more))]];
  return writeRows("COMPARISON", COMPARISON_COLUMNS, rows, options);
}

async function writeRows(
  command: string,
  columns: Column[],
  rows: Cell[][],
  { directory, onPart }: DerivationOptions,
): Promise<Derived> {
  const storages = storagesOf(columns);
  const writer = openResultWriter(directory, { onPart });
  let bytes = 0;
  try {
    writer.begin(0, storages);
    if (rows.length > 0) {
      const batch = batchOfRows(storages, rows);
      bytes = batch.bytes;
      await writer.write(batch);
    }
    await writer.end();
  } finally {
    await writer.close();
  }
  return {
    command: `${command} ${rows.length}`,
    columns,
    rows: rows.length,
    bytes,
    truncated: null,
  };
}
