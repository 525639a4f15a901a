/** Parts of a schema as an agent sends them, in few words. Only tests may import this file. */
import type { IndexStats, SequenceStats, TableStats } from "@quern/contract/agent/relations";
import type {
  SchemaConstraint,
  SchemaIndex,
  SchemaSnapshot,
  SchemaTable,
} from "@quern/contract/agent/schema";

type Column = SchemaTable["columns"][number];
type Key = NonNullable<SchemaIndex["keys"]>[number];

export function column(name: string, data_type = "integer", more: Partial<Column> = {}): Column {
  return { name, data_type, nullable: true, default: null, position: 1, ...more };
}

export function table(name: string, more: Partial<SchemaTable> = {}): SchemaTable {
  return {
    ...{
      schema: "public",
      name,
      columns: [column("id")],
      row_count_estimate: null,
      size_bytes: null,
    },
    ...{ kind: "r", parent: null, persistence: "p", replica_identity: "d", ...more },
  };
}

let relid = 16_384;

/** A B-tree on columns: `x`, `x desc`, `lower(z)`, `k collate "C"`, `z text_pattern_ops`. */
export function index(
  name: string,
  of: string,
  keys: readonly string[],
  more: Partial<SchemaIndex> = {},
): SchemaIndex {
  relid += 1;
  return {
    ...{ schema: "public", table: of, name, columns: keys.map((key) => key.split(" ")[0]!) },
    ...{ is_unique: false, is_primary: false, size_bytes: 8_192, relid, access_method: "btree" },
    ...{ keys: keys.map(keyOf), include: [], predicate: null, is_valid: true, is_ready: true },
    ...{ parent: null, constraint: null, ...more },
  };
}

function keyOf(text: string): Key {
  const [what = "", ...options] = text.split(" ");
  const expression = what.includes("(") ? { text: what, hash: what } : null;
  const descending = options.includes("desc");
  const collate = options.indexOf("collate");
  return {
    ...{ column: expression ? null : what, expression, descending, nulls_first: descending },
    operator_class: options.find((each) => each.endsWith("_ops")) ?? "default_ops",
    collation: collate === -1 ? null : options[collate + 1]!,
  };
}

export const partial = (text: string) => ({ predicate: { text, hash: text } });

/** A foreign key of integers to `p1 (id)`. */
export function foreignKey(
  of: string,
  columns: readonly string[],
  more: Partial<SchemaConstraint> = {},
): SchemaConstraint {
  const references = {
    ...{ schema: "public", table: "p1", columns: columns.map(() => "id") },
    column_types: columns.map(() => "integer"),
  };
  return {
    ...{ schema: "public", table: of, name: `${of}_fkey`, type: "f", columns: [...columns] },
    ...{ validated: true, references, column_types: columns.map(() => "integer") },
    ...{ inherited: false, definition: null, ...more },
  };
}

let versions = 0;

/** A schema with a hash of its own. */
export function schemaOf(more: Partial<SchemaSnapshot>): { schema: SchemaSnapshot } {
  versions += 1;
  return {
    schema: { tables: [], indexes: [], constraints: [], hash: `test-${versions}`, ...more },
  };
}

export function tableStats(name: string, more: Partial<TableStats> = {}): TableStats {
  return {
    ...{ schema: "public", table: name, kind: "r", seq_scan: 0, seq_tup_read: 0, idx_scan: 0 },
    ...{ idx_tup_fetch: 0, n_tup_ins: 0, n_tup_upd: 0, n_tup_del: 0, n_tup_hot_upd: 0 },
    ...{ n_live_tup: 0, n_dead_tup: 0, reltuples: 0, last_vacuum: null, last_autovacuum: null },
    ...{ last_analyze: "2026-03-01T00:00:00Z", last_autoanalyze: null, ...more },
  };
}

export function indexStats(name: string, of: string, more: Partial<IndexStats> = {}): IndexStats {
  return {
    ...{ schema: "public", table: of, index: name, idx_scan: 0, idx_tup_read: 0, idx_tup_fetch: 0 },
    ...{ size_bytes: 5_000_000, reltuples: 1_000, ...more },
  };
}

const INTEGERS: Record<string, string> = {
  smallint: "32767",
  integer: "2147483647",
  bigint: "9223372036854775807",
};

/** An ascending sequence of a type that fills a column of a type. */
export function sequence(
  name: string,
  data_type: string,
  last_value: string | null,
  fills: string | null,
  more: Partial<SequenceStats> = {},
): SequenceStats {
  const filled = { schema: "public", table: `${name}_table`, column: "id", data_type: fills ?? "" };
  return {
    ...{ schema: "public", sequence: name, data_type, min_value: 1, increment: 1, cycles: false },
    ...{ max_value: INTEGERS[data_type]!, last_value, readable: true },
    columns: fills === null ? [] : [{ ...filled, max_value: INTEGERS[fills]! }],
    ...more,
  };
}
