import type { Agent } from "@quern/contract/health/agents";
import { expect, test } from "vitest";
import {
  commandOf,
  environmentScript,
  fileCommand,
  isInClear,
  proseOf,
  settingsFile,
  statementsOf,
} from "./agent-remedies.ts";
import {
  agentState,
  agentTroubles,
  countMissing,
  largestLag,
  missingReason,
  processorShare,
  sectionName,
} from "./agents.ts";

const NOW = Date.parse("2026-11-21T12:00:00.000Z");
const ago = (seconds: number) => new Date(NOW - seconds * 1000).toISOString();
const STATS = {
  ...{
    started_at: ago(1_060),
    rss_bytes: 80e6,
    cpu_ms: 5_000,
    database_time_ms: 40,
    connections: 2,
  },
  ...{ spool_payloads: 0, spool_bytes: 0, dropped_payloads: 0, dead_letters: 0, upload_errors: 0 },
};
const AGENT: Agent = {
  ...{ id: "a", name: "shop", state: "live", version: "0.1.0", built_in: false },
  ...{ last_seen_at: ago(5), last_payload_at: ago(60), clock_offset_ms: 12, error: null },
  ...{
    rejected: null,
    stats: STATS,
    keys: [],
    databases: [],
    created_at: ago(9e5),
    revoked_at: null,
  },
};
const words = (more: Partial<Agent>) =>
  agentTroubles({ ...AGENT, ...more }, NOW).map((each) => each.words);

test("an agent that does well has nothing to say", () => {
  expect(agentState(AGENT)).toMatchObject({ words: "Live", color: "success" });
  expect(words({})).toEqual([]);
});

test("an agent's troubles are said with what to do, the worst first, and none of a revoked one", () => {
  expect(words({ state: "silent", last_payload_at: ago(3_600) })).toEqual([
    expect.stringMatching(/^What arrived last came 1 h ago\. See whether its process runs/),
  ]);
  expect(words({ state: "paused" })).toEqual([expect.stringMatching(/^Another agent sends for/)]);
  const rejected = { at: ago(120), reason: "timestamp lies in the future" };
  const all = words({
    ...{ state: "late", rejected, clock_offset_ms: -240_000, error: "spool is in memory" },
    stats: { ...STATS, dropped_payloads: 2, dead_letters: 1 },
  });
  expect(all).toEqual([
    "A payload was not taken (2 min ago): timestamp lies in the future",
    "It reports an error: spool is in memory",
    expect.stringMatching(/^Its spool was full, and 2 payloads are lost/),
    expect.stringMatching(/^What arrived last came 1 min ago, later than usual/),
    expect.stringMatching(/^Its clock and this server's are 4 min apart/),
    expect.stringMatching(/^1 payload was refused and is kept/),
  ]);
  expect(words({ state: "revoked", rejected })).toEqual([]);
});

test("lag is that of the database that is furthest behind, and null while nothing has come", () => {
  const missing = { section: "bloat", state: "no_permission", code: "no_permission" } as const;
  const database = { id: "d", name: "shop", server_name: "db1", missing: [] };
  const databases = [
    { ...database, lag_s: 12 },
    { ...database, lag_s: 300, missing: [{ ...missing, hint: null, at: null }] },
    { ...database, lag_s: null },
  ];
  expect(largestLag({ databases })).toBe(300);
  expect(countMissing({ databases })).toBe(1);
  expect(largestLag({ databases: [] })).toBeNull();
});

test("the processor's share is from the start to the last payload", () => {
  expect(processorShare(AGENT)).toBeCloseTo(0.005);
  expect(processorShare({ ...AGENT, stats: null })).toBeNull();
  expect(processorShare({ ...AGENT, last_payload_at: ago(2_000) })).toBeNull();
});

test("sections and reasons that the app does not know keep their keys", () => {
  expect([sectionName("activity"), sectionName("wal")]).toEqual(["Sessions", "wal"]);
  expect([missingReason("timeout"), missingReason("xx")]).toEqual(["It took too long", "xx"]);
});

test("the statement of a hint can be copied when it can be run as it is", () => {
  expect(statementsOf('What other roles do is hidden: grant pg_monitor to "quern;agent";')).toBe(
    'grant pg_monitor to "quern;agent";',
  );
  expect(
    statementsOf(
      'grant usage on schema "public" to "a"; grant execute on function "public".f(boolean) to "a";',
    ),
  ).toBe(
    'grant usage on schema "public" to "a";\ngrant execute on function "public".f(boolean) to "a";',
  );
  expect(statementsOf("create extension pg_stat_statements; -- in this database")).toBe(
    "create extension pg_stat_statements;",
  );
  expect(
    statementsOf("grant pg_monitor to the agent's role; --print-grants writes it down."),
  ).toBeNull();
  expect(
    statementsOf(
      'run the SQL of --print-helper-sql, or grant select on all sequences in schema … to "a";',
    ),
  ).toBeNull();
  expect(commandOf("run the SQL of --print-helper-sql in this database")).toBe(
    "node quern-agent.mjs --print-helper-sql",
  );
  expect(commandOf("It took too long.")).toBeNull();
});

test("what a hint says is kept beside its statement", () => {
  expect(proseOf('What other roles do is hidden: grant pg_monitor to "a";')).toBe(
    "What other roles do is hidden",
  );
  expect(proseOf("create extension pg_stat_statements; -- in this database")).toBe(
    "in this database",
  );
  expect(proseOf('grant a to "b"; grant c to "d";')).toBeNull();
  expect(proseOf("It took too long.")).toBe("It took too long.");
});

test("the commands to copy have the key and the secret, and test before they start", () => {
  const login = {
    ...{
      endpoint: "https://q.example.com/api/v1/ingest",
      api_key: "qra_k",
      signing_secret: "s3cret",
    },
  };
  const [fetching, , ...lines] = environmentScript(login).split("\n");
  expect(fetching).toBe("curl -fsSO 'https://q.example.com/quern-agent.mjs'");
  expect(fileCommand(login)).toContain(fetching);
  expect(lines).toEqual([
    "export DATAPACE_ENDPOINT='https://q.example.com/api/v1/ingest'",
    "export DATAPACE_API_KEY='qra_k'",
    "export DATAPACE_SIGNING_SECRET='s3cret'",
    "node quern-agent.mjs --test-connection && node quern-agent.mjs",
  ]);
  expect(settingsFile(login)).toContain("  api_key: 'qra_k'\n  signing_secret: 's3cret'");
});

test("an address that agents elsewhere would refuse is told", () => {
  expect(isInClear("http://quern.example.com/api/v1/ingest")).toBe(true);
  expect(isInClear("http://127.example.com/api/v1/ingest")).toBe(true);
  for (const host of [
    "https://quern.example.com",
    "http://localhost:3000",
    "http://127.0.0.1",
    "http://[::1]:3000",
  ])
    expect(isInClear(`${host}/api/v1/ingest`)).toBe(false);
});
