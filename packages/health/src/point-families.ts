/** The families of points: what their columns mean, so that all of them are summed, read and kept in the same way. */

/** A family whose points have an array place for each thing. */
export type ArrayFamily = {
  name: "statement" | "table" | "index";
  /** The column that says which things. */
  ids: "statement_ids" | "relation_ids";
  /** Differences: several points are summed. */
  sums: Readonly<Record<string, "bigint" | "double precision">>;
  /** As it was at the time: of several points the last that knew counts. */
  lasts: Readonly<Record<string, "bigint" | "double precision">>;
  /** Single columns beside the arrays, summed. */
  wholes: Readonly<Record<string, "bigint" | "double precision">>;
};

const all = <const T extends string, N extends string>(type: T, names: readonly N[]) =>
  Object.fromEntries(names.map((name) => [name, type])) as Record<N, T>;

export const STATEMENTS: ArrayFamily = {
  name: "statement",
  ids: "statement_ids",
  sums: {
    ...all("bigint", ["calls", "rows", "shared_blks_hit", "shared_blks_read"]),
    ...all("bigint", ["shared_blks_dirtied", "shared_blks_written", "temp_blks_read"]),
    ...all("bigint", ["temp_blks_written", "wal_bytes"]),
    ...all("double precision", ["total_time_ms", "blk_read_time_ms", "blk_write_time_ms"]),
    ...all("double precision", ["plan_time_ms"]),
  },
  lasts: {},
  wholes: { other_calls: "bigint", other_time_ms: "double precision" },
};

export const TABLES: ArrayFamily = {
  name: "table",
  ids: "relation_ids",
  sums: all("bigint", [
    ...(["seq_scan", "seq_tup_read", "idx_scan", "idx_tup_fetch", "n_tup_ins"] as const),
    ...(["n_tup_upd", "n_tup_del", "n_tup_hot_upd", "n_tup_newpage_upd"] as const),
    ...(["heap_blks_read", "heap_blks_hit", "vacuums", "analyzes"] as const),
  ]),
  lasts: {
    ...all("bigint", ["n_live_tup", "n_dead_tup", "n_mod_since_analyze", "n_ins_since_vacuum"]),
    ...all("bigint", ["size_bytes", "heap_bytes", "toast_bytes", "index_bytes"]),
    ...all("bigint", ["frozen_xid_age", "min_mxid_age"]),
    ...all("double precision", ["reltuples"]),
  },
  wholes: {},
};

export const INDEXES: ArrayFamily = {
  name: "index",
  ids: "relation_ids",
  sums: all("bigint", [
    ...(["idx_scan", "idx_tup_read", "idx_tup_fetch", "idx_blks_read", "idx_blks_hit"] as const),
  ]),
  lasts: { ...all("bigint", ["size_bytes"]), ...all("double precision", ["reltuples"]) },
  wholes: {},
};

export const ARRAY_FAMILIES = [STATEMENTS, TABLES, INDEXES] as const;
export type FamilyName = ArrayFamily["name"] | "metric" | "load";

/** By what a family's points are kept. */
export const SUBJECT_OF = {
  statement: "database_id",
  table: "database_id",
  index: "database_id",
  metric: "subject_id",
  load: "server_id",
} as const satisfies Record<FamilyName, string>;

export const TABLE_SUFFIX = { raw: "points", hour: "hours", day: "days" } as const;
export const STEP_S = { hour: 3_600, day: 86_400 } as const;
