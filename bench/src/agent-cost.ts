/** What the agent costs the server, the machine and the network, beside prometheus-postgres-exporter on one database. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { freePort } from "@quern/postmaster/listen";
import { startPostgres } from "@quern/postmaster/postmaster";
import pg from "pg";
import type { Measure } from "./main.ts";

const TABLES = 2_000;
const STATEMENTS = 4_000;
/** One turn of tables and indexes, half of one of the schema, five of the rest. */
const WINDOW_S = 300;
/** Prometheus's default. */
const SCRAPE_S = 60;
const MAIN = fileURLToPath(import.meta.resolve("../../apps/agent/dist/main.js"));
const run = promisify(execFile);

/** Five minutes at the agent's default paces, while 600 statements a minute run; the first payload is not in it. */
export async function agentCost(): Promise<Measure[]> {
  const folder = await mkdtemp(join(tmpdir(), "quern-agent-cost-"));
  const server = await startPostgres({ dataDir: join(folder, "postgres"), settings: SETTINGS });
  const db = new pg.Client({ connectionString: server.url("postgres") });
  await db.connect();
  const children: ChildProcess[] = [];
  const sink = await startSink();
  try {
    await fill(db);
    const agent = startAgent(server.url("postgres", "agent", "x"), sink.url, folder);
    const exporter = await startExporter(server.url("postgres", "exporter", "x"), folder);
    children.push(agent, exporter.child);
    while (sink.uploads() === 0) await sleep(100);
    await exporter.scrape();
    const [ours, theirs] = await watch(
      db,
      [
        { role: "agent", child: agent, bytes: sink.bytes },
        { role: "exporter", child: exporter.child, bytes: exporter.bytes },
      ],
      exporter.scrape,
    );
    return [
      compared("database time per minute, ms", ours.database_ms, theirs.database_ms),
      compared("share of the server's time, %", ours.database_ms / 600, theirs.database_ms / 600),
      compared("resident memory at the end, MB", ours.rss_mb, theirs.rss_mb),
      compared("most resident memory, MB", ours.peak_mb, theirs.peak_mb),
      compared("its processor time per minute, ms", ours.cpu_ms, theirs.cpu_ms),
      compared("bytes compressed per minute, KB", ours.kilobytes, theirs.kilobytes),
    ];
  } finally {
    for (const child of children) child.kill("SIGKILL");
    sink.stop();
    await db.end();
    await server.stop("immediate");
    await rm(folder, { recursive: true, force: true });
  }
}

function compared(what: string, ours: number, theirs: number): Measure {
  return {
    what: `agent: ${what}, ${TABLES} tables, ${STATEMENTS} statements, peer: postgres_exporter`,
    quern: ours.toFixed(2),
    peer: theirs.toFixed(2),
    ratio: (ours / theirs).toFixed(2),
  };
}

const SETTINGS = {
  fsync: "off",
  shared_buffers: "128MB",
  max_locks_per_transaction: "256",
  shared_preload_libraries: "pg_stat_statements",
  "pg_stat_statements.max": "5000",
  "pg_stat_statements.track_planning": "on",
};

async function fill(db: pg.Client): Promise<void> {
  await db.query(
    `create extension pg_stat_statements;
     create role agent login password 'x' in role pg_monitor; create role exporter login password 'x' in role pg_monitor`,
  );
  for (let first = 0; first < TABLES; first += 100) {
    const tables = Array.from({ length: 100 }, (_, at) => tableSql(`table_number_${first + at}`));
    await db.query(tables.join(";"));
  }
  await db.query("analyze");
  await work(db, 0, STATEMENTS);
}

function tableSql(name: string): string {
  return `create table ${name} (id bigint primary key, customer_id int not null, state text default 'new',
      amount numeric(12, 2), created_at timestamptz default now(), updated_at timestamptz, note text,
      flag boolean default false, kind int check (kind > 0), payload jsonb);
    create index on ${name} (customer_id);
    create index on ${name} (created_at) where state = 'new';
    insert into ${name} select g, g, 'new' from generate_series(1, 20) as g`;
}

/** Each of these is another entry of pg_stat_statements. */
async function work(db: pg.Client, from: number, to: number): Promise<void> {
  const statements = [];
  for (let at = from; at < to; at += 1) {
    const sign = at % STATEMENTS < TABLES ? ">" : "<";
    statements.push(
      `select customer_id, sum(amount) from table_number_${at % TABLES} where state = 'x' and id ${sign} ${at} group by 1`,
    );
  }
  await db.query(statements.join(";"));
}

function startAgent(databaseUrl: string, endpoint: string, folder: string): ChildProcess {
  return spawn(process.execPath, [MAIN], {
    env: {
      PATH: process.env.PATH ?? "",
      DATABASE_URL: databaseUrl,
      DATAPACE_ENDPOINT: `${endpoint}/v1/ingest`,
      DATAPACE_API_KEY: "key",
      DATAPACE_SIGNING_SECRET: "secret",
      QUERN_SPOOL_DIR: join(folder, "spool"),
      LOG_LEVEL: "error",
    },
    stdio: ["ignore", "ignore", "inherit"],
  });
}

/** Takes payloads as the ingest does, and counts them. */
async function startSink() {
  let uploads = 0;
  let bytes = 0;
  const server = createServer((request, response) => {
    const counts = request.url?.endsWith("/ingest") === true;
    request.on("data", (chunk: Buffer) => {
      if (counts) bytes += chunk.length;
    });
    request.on("end", () => {
      if (counts) uploads += 1;
      response.setHeader("content-type", "application/json");
      const answer = { status: "stored", next_interval_s: null, want_texts: [] };
      response.end(JSON.stringify({ ...answer, want_schema: false, paused: false }));
    });
  });
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${port}`,
    uploads: () => uploads,
    bytes: () => bytes,
    stop: () => server.closeAllConnections(),
  };
}

/** Debian's package, unpacked aside and not installed. */
async function startExporter(databaseUrl: string, folder: string) {
  const options = { cwd: folder };
  await run("apt-get", ["download", "-qq", "prometheus-postgres-exporter"], options);
  const files = await readdir(folder);
  const file = files.find((name) => name.endsWith(".deb"));
  if (file === undefined) throw new Error("apt-get downloaded no prometheus-postgres-exporter");
  await run("dpkg", ["-x", file, "exporter"], options);
  const port = await freePort();
  const child = spawn(
    join(folder, "exporter/usr/bin/prometheus-postgres-exporter"),
    [`--web.listen-address=127.0.0.1:${port}`],
    { env: { DATA_SOURCE_NAME: `${databaseUrl}?sslmode=disable` }, stdio: "ignore" },
  );
  let bytes = 0;
  const scrape = async (): Promise<void> => {
    for (;;) {
      try {
        const { stdout } = await run("curl", [
          ...["-sf", "-H", "Accept-Encoding: gzip", "-o", "/dev/null", "-w", "%{size_download}"],
          `http://127.0.0.1:${port}/metrics`,
        ]);
        bytes += Number(stdout);
        return;
      } catch (error) {
        // 7: it does not listen yet.
        if (!(error instanceof Error && "code" in error && error.code === 7)) throw error;
        await sleep(100);
      }
    }
  };
  return { child, scrape, bytes: () => bytes };
}

type Watched = { role: string; child: ChildProcess; bytes: () => number };
type Cost = {
  database_ms: number;
  rss_mb: number;
  peak_mb: number;
  cpu_ms: number;
  kilobytes: number;
};

/** Per minute of the window, but for memory. */
async function watch(
  db: pg.Client,
  watched: [Watched, Watched],
  scrape: () => Promise<void>,
): Promise<[Cost, Cost]> {
  const before = [await reading(db, watched[0]), await reading(db, watched[1])] as const;
  let at = 0;
  for (let second = 10; second <= WINDOW_S; second += 10) {
    await sleep(10_000);
    await work(db, at, at + 100);
    at += 100;
    if (second % SCRAPE_S === 0) await scrape();
  }
  const after = [await reading(db, watched[0]), await reading(db, watched[1])] as const;
  const cost = (index: 0 | 1): Cost => {
    const per = (of: "database_ms" | "cpu_ms" | "kilobytes") =>
      ((after[index][of] - before[index][of]) * 60) / WINDOW_S;
    const { rss_mb, peak_mb } = after[index];
    return {
      ...{ database_ms: per("database_ms"), cpu_ms: per("cpu_ms"), kilobytes: per("kilobytes") },
      ...{ rss_mb, peak_mb },
    };
  };
  return [cost(0), cost(1)];
}

async function reading(db: pg.Client, { role, child, bytes }: Watched): Promise<Cost> {
  const { rows } = await db.query(
    `select coalesce(sum(total_exec_time + total_plan_time), 0) as ms from pg_stat_statements
      where userid = $1::regrole and toplevel`,
    [role],
  );
  const status = await readFile(`/proc/${child.pid}/status`, "utf8");
  const stat = await readFile(`/proc/${child.pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return {
    database_ms: Number(rows[0].ms),
    rss_mb: Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1_024,
    peak_mb: Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1_024,
    // In ticks of ten milliseconds.
    cpu_ms: (Number(fields[11]) + Number(fields[12])) * 10,
    kilobytes: bytes() / 1_024,
  };
}
