/** What the original agent sends is less than ours: what it cannot tell is said, and never taken for health. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { ago, NOW, openSites, type Site, type Sites } from "../testing-site.ts";

let sites: Sites;
beforeAll(async () => {
  sites = await openSites();
});
afterAll(() => sites.close());

/** The first fields of each section alone. */
async function sendOriginal(site: Site, work: number, at: Date): Promise<void> {
  await site.send(
    {
      epochs: undefined,
      query_stats: [
        {
          ...{ query_hash: "q", query: "SELECT * FROM orders WHERE id = $1", calls: work * 500 },
          ...{ total_time_ms: work * 100, rows: work * 500, shared_blks_hit: 0 },
          shared_blks_read: 0,
        },
      ],
      table_stats: [
        {
          ...{ schema: "public", table: "orders", seq_scan: 0, seq_tup_read: 0, idx_scan: 0 },
          ...{ idx_tup_fetch: 0, n_tup_ins: work * 200, n_tup_upd: work * 300, n_tup_del: 0 },
          ...{ n_live_tup: 1_000, n_dead_tup: 0, last_vacuum: null, last_autovacuum: null },
          ...{ last_analyze: at.toISOString(), last_autoanalyze: null },
        },
      ],
      index_stats: [
        {
          ...{ schema: "public", table: "orders", index: "orders_at", idx_scan: 0 },
          ...{ idx_tup_read: 0, idx_tup_fetch: 0 },
        },
      ],
      settings: { max_connections: "100", shared_buffers: "16384" },
      schema: {
        tables: [
          {
            ...{ schema: "public", name: "orders", columns: [], row_count_estimate: 1_000 },
            size_bytes: 80_000_000,
          },
        ],
        indexes: [
          {
            ...{ schema: "public", table: "orders", name: "orders_at", columns: ["at"] },
            ...{ is_unique: false, is_primary: false, size_bytes: 40_000_000 },
          },
        ],
      },
    },
    at,
  );
}

test("what the original agent does not send is not enough data, neither well nor a finding", async () => {
  const site = await sites.site();
  await sendOriginal(site, 1, ago(40 * 86_400));
  await sendOriginal(site, 2, ago(86_400));
  await sendOriginal(site, 500, NOW);
  const states = new Map<string, string>();
  for (const rule of CANNOT_TELL) {
    const { state } = await site.judge(rule);
    states.set(rule, state);
  }
  expect([...states].filter(([, state]) => state !== "not_enough_data")).toEqual([]);
});

test("what it sends is judged: a quick statement that is called too often", async () => {
  const site = await sites.site();
  await sendOriginal(site, 1, ago(3_600));
  await sendOriginal(site, 10_000, NOW);
  expect(await site.found("n-plus-one")).toMatchObject([{ object: "q", severity: "info" }]);
});

const CANNOT_TELL = [
  ...["dangerous-settings", "duplicate-index", "extension-updates", "foreign-key-types"],
  ...["hot-updates", "index-bloat", "over-indexed-table", "partial-index-chance"],
  ...["pending-restart", "public-create", "security-definer", "setting-hints"],
  ...["stale-statistics", "table-bloat", "temp-spill", "unindexed-foreign-key"],
  ...["unsound-objects", "unused-index", "visible-secrets"],
];
