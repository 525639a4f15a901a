/** What the shop of `testing-history.ts` consists of, as an agent sends it. Only tests may import this file. */
import { createHash } from "node:crypto";
import type { Session } from "@quern/contract/agent/activity";
import type { IndexStats, TableStats } from "@quern/contract/agent/relations";
import type { SchemaSnapshot } from "@quern/contract/agent/schema";
import type { StatementStats } from "@quern/contract/agent/statements";

const NAMES = [
  ..."orders order_items customers addresses payments refunds products variants prices stock".split(
    " ",
  ),
  ..."carts cart_items sessions events page_views searches shipments parcels carriers returns".split(
    " ",
  ),
  ..."invoices invoice_lines taxes coupons campaigns emails reviews ratings images categories".split(
    " ",
  ),
  ..."brands suppliers purchases warehouses movements users roles audit_log settings jobs".split(
    " ",
  ),
];
export const TABLES = NAMES.map((name, place) => ({
  name,
  rows: Math.round(40_000_000 / (place + 1) ** 1.6),
  bytes: Math.round(9_000_000_000 / (place + 1) ** 1.5),
}));

/** Names of a foreign key's column of a table: it points to the one before. */
const keyOf = (place: number) =>
  `${NAMES[(place + NAMES.length - 1) % NAMES.length]!.replace(/s$/, "")}_id`;

/** 40 tables of six columns and 120 indexes; without `note` as it was before. */
export function schemaOf({ note }: { note: boolean }): SchemaSnapshot {
  const column = (name: string, data_type: string, position: number) => {
    return { name, data_type, nullable: position > 2, default: null, position };
  };
  return {
    tables: TABLES.map(({ name, rows, bytes }, place) => ({
      ...{ schema: "public", name, row_count_estimate: rows, size_bytes: bytes },
      ...{ kind: "r" as const, parent: null, persistence: "p" as const },
      columns: [
        column("id", "bigint", 1),
        column(keyOf(place), "bigint", 2),
        column("state", "text", 3),
        column("amount", "numeric(12,2)", 4),
        column("created_at", "timestamp with time zone", 5),
        ...(note && name === "orders" ? [column("note", "text", 6)] : []),
      ],
    })),
    indexes: TABLES.flatMap(({ name, bytes }, place) =>
      (["id", keyOf(place), "created_at"] as const).map((key, which) => ({
        ...{ schema: "public", table: name, name: which === 0 ? `${name}_pkey` : `${name}_${key}` },
        ...{ columns: [key], is_unique: which === 0, is_primary: which === 0 },
        ...{ size_bytes: Math.round(bytes / 12), is_valid: true, is_ready: true },
        definition: `CREATE ${which === 0 ? "UNIQUE " : ""}INDEX ${which === 0 ? `${name}_pkey` : `${name}_${key}`} ON public.${name} USING btree (${key})`,
      })),
    ),
    constraints: TABLES.map(({ name }) => ({
      ...{ schema: "public", table: name, name: `${name}_pkey`, type: "p" as const },
      ...{ columns: ["id"], validated: true, references: null, inherited: false },
      definition: "PRIMARY KEY (id)",
    })),
    extensions: [
      {
        name: "pg_stat_statements",
        version: "1.12",
        default_version: "1.12",
        schema: "public",
      },
    ],
    schemas: [{ name: "public", public_may_create: false }],
    hash: createHash("sha256").update(`shop ${note}`).digest("hex"),
  };
}

const hex = (text: string) => createHash("sha256").update(text).digest("hex").slice(0, 16);

/** `count` statements: seven of each table, and then more of them by another role. `turn` is how often they were read. */
export function statementsOf(count: number, turn: number): StatementStats[] {
  const kinds = [
    (name: string) => ["select", `select * from ${name} where id = $1`],
    (name: string, key: string) => [
      "insert",
      `insert into ${name} (${key}, state) values ($1, $2)`,
    ],
    (name: string, key: string) => [
      "select",
      `select id, state, amount from ${name} where ${key} = $1 order by created_at desc limit $2`,
    ],
    (name: string) => ["update", `update ${name} set state = $1 where id = $2`],
    (name: string) => ["select", `select count(*) from ${name} where created_at >= $1`],
    (name: string) => ["delete", `delete from ${name} where created_at < $1`],
    (name: string, key: string) => [
      "select",
      `select ${key}, sum(amount) from ${name} where state = $1 group by ${key} order by 2 desc`,
    ],
  ] as const;
  return Array.from({ length: count }, (_, n): StatementStats => {
    const place = Math.floor(n / kinds.length) % TABLES.length;
    const { name } = TABLES[place]!;
    const [kind, query] = kinds[n % kinds.length]!(name, keyOf(place)) as [
      "select" | "insert" | "update" | "delete",
      string,
    ];
    const round = Math.floor(n / (kinds.length * TABLES.length));
    const calls = turn * Math.max(1, Math.round(2400 / (1 + n)));
    return {
      ...{
        query_hash: hex(query),
        query: turn === 0 ? query : null,
        fingerprint: hex(`f ${query}`),
      },
      ...{
        kind,
        tables: [`public.${name}`],
        user_name: ["app", "reporting", "admin"][round] ?? `role_${round}`,
      },
      ...{
        text_state: "normalised" as const,
        calls,
        total_time_ms: calls * (0.2 + ((n * 37) % 100) / 20),
      },
      ...{
        rows: calls,
        shared_blks_hit: calls * 12,
        shared_blks_read: calls,
        temp_blks_written: 0,
      },
      ...{
        shared_blks_dirtied: calls,
        blk_read_time_ms: calls / 20,
        blk_write_time_ms: 0,
        wal_bytes: kind === "select" ? 0 : calls * 300,
      },
    };
  });
}

export function tableStatsOf(turn: number, at: Date): TableStats[] {
  const ago = (hours: number) => new Date(at.getTime() - hours * 3_600_000).toISOString();
  return TABLES.map(
    ({ name, rows, bytes }, place): TableStats => ({
      ...{ schema: "public", table: name, kind: "r" as const, locked: name === "invoices" },
      ...{ seq_scan: 10 + turn, seq_tup_read: (10 + turn) * rows, idx_scan: 90_000 + turn * 900 },
      ...{
        idx_tup_fetch: 90_000 + turn * 900,
        n_tup_ins: rows + turn * 60,
        n_tup_upd: Math.round(rows / 4) + turn * 30,
      },
      ...{ n_tup_del: turn * 2, n_tup_hot_upd: Math.round(rows / 5) + turn * 20, n_live_tup: rows },
      ...{
        n_dead_tup: Math.round(rows * (name === "carts" ? 0.6 : 0.04)),
        n_mod_since_analyze: 400 + turn,
      },
      ...{
        n_ins_since_vacuum: 800 + turn,
        heap_blks_read: 400 + turn,
        heap_blks_hit: 90_000 + turn * 90,
      },
      ...{ vacuum_count: 0, autovacuum_count: 12, analyze_count: 1, autoanalyze_count: 14 },
      ...{
        last_vacuum: null,
        last_autovacuum: ago(5 + place),
        last_analyze: null,
        last_autoanalyze: ago(3 + place),
      },
      ...{
        size_bytes: bytes,
        heap_bytes: Math.round(bytes * 0.7),
        toast_bytes: Math.round(bytes * 0.05),
      },
      ...{
        index_bytes: Math.round(bytes * 0.25),
        reltuples: rows,
        frozen_xid_age: 60_000_000 + place * 1_000_000,
      },
      ...{
        min_mxid_age: 1_000,
        options: name === "orders" ? { autovacuum_vacuum_scale_factor: "0.02" } : {},
      },
    }),
  );
}

export function indexStatsOf(turn: number, at: Date): IndexStats[] {
  return schemaOf({ note: true }).indexes.map(({ schema, table, name, size_bytes }, place) => {
    const unused = place % 9 === 8;
    return {
      ...{ schema, table, index: name, size_bytes, idx_scan: unused ? 0 : 30_000 + turn * 300 },
      ...{
        idx_tup_read: unused ? 0 : 40_000 + turn * 400,
        idx_tup_fetch: unused ? 0 : 30_000 + turn * 300,
      },
      ...{ idx_blks_read: turn, idx_blks_hit: turn * 500, reltuples: 1_000_000 },
      last_idx_scan: unused ? null : at.toISOString(),
    };
  });
}

/** A reader in a long transaction, a DDL that waits for it, and readers that wait behind the DDL. */
export function sessionsOf(database: string, at: Date): Session[] {
  const ago = (seconds: number) => new Date(at.getTime() - seconds * 1000).toISOString();
  const session = (pid: number, more: Partial<Session>): Session => ({
    ...{ pid, backend_type: "client backend", database, user_name: "app", application: "other" },
    ...{
      state: "active",
      wait_event_type: null,
      wait_event: null,
      query_hash: statementsOf(9, 0)[pid % 9]!.query_hash,
    },
    ...{
      fingerprint: null,
      kind: "select",
      backend_start: ago(4_000),
      xact_start: ago(3),
      query_start: ago(2),
    },
    ...{ state_change: ago(2), xid_age: null, xmin_age: 40, ...more },
  });
  const waiting = (pid: number, by: number, mode: string, kind: string) =>
    session(pid, {
      ...{
        wait_event_type: "Lock",
        wait_event: "relation",
        blocked_by: [by],
        kind,
        xact_start: ago(45),
      },
      waits_for: {
        lock_type: "relation",
        mode,
        schema: "public",
        relation: "orders",
        since: ago(44),
      },
    });
  return [
    session(4101, {
      state: "idle in transaction",
      xact_start: ago(900),
      state_change: ago(600),
      xmin_age: 52_000,
    }),
    waiting(4102, 4101, "AccessExclusiveLock", "alter table"),
    waiting(4103, 4102, "AccessShareLock", "select"),
    waiting(4104, 4102, "RowExclusiveLock", "update"),
    session(4105, { wait_event_type: "IO", wait_event: "DataFileRead" }),
    session(4106, {}),
    session(4107, {}),
    session(4108, { wait_event_type: "LWLock", wait_event: "WALWrite", kind: "insert" }),
  ];
}
