/** The planner's statistics as `quern_trial.set_statistics` takes them. */
import type {
  RelationStatistics,
  StatisticsSnapshot,
} from "@quern/contract/agent/column-statistics";
import type { IndexStats, TableStats } from "@quern/contract/agent/relations";
import type { SchemaSnapshot } from "@quern/contract/agent/schema";

const PAGE = 8_192;
const MOST_PAGES = 2 ** 31 - 1;

export type StatisticsItem = {
  s: string;
  n: string;
  /** Pages, rows, pages all of whose rows everybody sees. */
  p: number;
  t: number;
  v: number;
  /** Name, inherited, null_frac, avg_width, n_distinct, correlation. */
  c?: (string | boolean | number | null)[][];
};

export type KnownStatistics = {
  columns: StatisticsSnapshot | null;
  tables: readonly TableStats[];
  indexes: readonly IndexStats[];
};

/**
 * Of every table and index of `snapshot`. Where the agent sends no statistics of columns, sizes and rows come from what it
 * counts, and a table counts as seldom vacuumed.
 */
export function statisticsItems(
  snapshot: SchemaSnapshot,
  { columns, tables, indexes }: KnownStatistics,
): StatisticsItem[] {
  const exact = new Map(
    (columns?.relations ?? []).map((each) => [keyOf(each.schema, each.name), each]),
  );
  const counted = new Map(tables.map((each) => [keyOf(each.schema, each.table), each]));
  const sized = new Map(indexes.map((each) => [keyOf(each.schema, each.index), each]));
  const items: StatisticsItem[] = [];
  const rows = new Map<string, number>();
  for (const {
    schema: s,
    name: n,
    kind = "r",
    row_count_estimate,
    size_bytes,
  } of snapshot.tables) {
    if (kind === "v" || kind === "f") continue;
    const known = exact.get(keyOf(s, n));
    const stats = counted.get(keyOf(s, n));
    const t = rowsOf([
      known?.reltuples,
      stats?.reltuples,
      Number(stats?.n_live_tup ?? -1),
      row_count_estimate,
    ]);
    const bytes = Number(stats?.heap_bytes ?? size_bytes ?? 0);
    const p = pagesOf(known?.relpages ?? stats?.relpages, bytes, t);
    rows.set(keyOf(s, n), t);
    const v = Math.min(known?.relallvisible ?? 0, p);
    items.push({ s, n, p, t, v, ...columnsOf(known) });
  }
  for (const { schema: s, name: n, table, size_bytes } of snapshot.indexes) {
    const known = exact.get(keyOf(s, n));
    const stats = sized.get(keyOf(s, n));
    const t = rowsOf([known?.reltuples, stats?.reltuples, rows.get(keyOf(s, table))]);
    const p = pagesOf(
      known?.relpages ?? stats?.relpages,
      Number(stats?.size_bytes ?? size_bytes ?? 0),
      t,
    );
    // An index without a size is sized by its columns.
    if (p > 0) items.push({ s, n, p, t, v: 0, ...columnsOf(known) });
  }
  return items;
}

const keyOf = (schema: string, name: string) => JSON.stringify([schema, name]);

function rowsOf(candidates: (number | null | undefined)[]): number {
  return candidates.find((each) => each != null && each >= 0) ?? 0;
}

/** A table that has rows has a page. */
function pagesOf(pages: number | string | null | undefined, bytes: number, rows: number): number {
  const counted = Number(pages ?? 0) > 0 ? Number(pages) : Math.ceil(bytes / PAGE);
  return Math.min(Math.max(counted, rows > 0 ? 1 : 0), MOST_PAGES);
}

function columnsOf(known: RelationStatistics | undefined): Pick<StatisticsItem, "c"> {
  if (known === undefined || known.columns.length === 0) return {};
  return {
    c: known.columns.map(
      ({ name, inherited = false, null_frac, avg_width, n_distinct, correlation }) => [
        ...[name, inherited, null_frac, avg_width, n_distinct, correlation],
      ],
    ),
  };
}
