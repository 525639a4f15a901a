/** A real sandbox on a database of its own, for tests. Only tests may import this file. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Cell } from "@quern/contract/results";
import { type OpenPart, readRows } from "@quern/results/read/rows";
import { partFromBytes } from "@quern/results/read/source";
import { openLog } from "@quern/runtime/log";
import type { Actor } from "@quern/store/actor";
import { type Database, inTransaction, openDatabase } from "@quern/store/db";
import { type JobFacts, readJob } from "@quern/store/job-history";
import type { NewJob } from "@quern/store/jobs";
import { listen } from "@quern/store/listen";
import { listParts, readPartData } from "@quern/store/result-parts";
import { readRun } from "@quern/store/run-history";
import { freshDatabase } from "@quern/store/testing";
import { makeActor } from "@quern/store/testing-fixtures";
import { makeJob } from "@quern/store/testing-jobs";
import { storeTree } from "@quern/store/trees";
import { LAYER_TIMES } from "./layers/start-layer-store.ts";
import { type RunningSandbox, start } from "./sandbox.ts";
import { SandboxSettings } from "./settings.ts";
import { TIMES, type Times } from "./times.ts";

export type Files = Record<string, string>;
export type Ended = JobFacts & { result_rows: Cell[][] };

export type TestSandbox = {
  db: Database;
  actor: Actor;
  folder: string;
  /** Makes a job and waits for its end. */
  run(files: Files, change?: Partial<NewJob>): Promise<Ended>;
  begin(files: Files, change?: Partial<NewJob>): Promise<string>;
  end(jobId: string): Promise<Ended>;
  read(jobId: string): Promise<JobFacts>;
  /** Stores files, and gives the digest of their tree. */
  tree(files: Files): Promise<Buffer>;
  /** Another process, as far as the database can tell, on the same folder or another one. */
  another(folder?: string): Promise<RunningSandbox>;
  stop(): Promise<void>;
};

/** `settings` by their names in the environment. However busy the machine, heads are answered first unless `times` says otherwise. */
export async function startTestSandbox(
  settings: Record<string, string> = {},
  times: Partial<Times> = {},
): Promise<TestSandbox> {
  const database = await freshDatabase();
  const folder = await mkdtemp(join(tmpdir(), "quern-sandbox-"));
  const db = openDatabase(database.url, { max: 4 });
  const actor = await makeActor(db, "admin");
  const log = openLog("sandbox", "fatal");
  const startOne = (dataDir: string) =>
    start(
      SandboxSettings.parse({
        DATABASE_URL: database.url,
        QUERN_DATA_DIR: dataDir,
        QUERN_RESULTS: `file:${join(folder, "results")}`,
        QUERN_SANDBOX_PROXY_ADDR: "off",
        QUERN_SANDBOX_POOL: "0",
        ...settings,
      }),
      log,
      { ...TIMES, drain_ms: 2_000, answer_first_ms: 60_000, ...times },
      LAYER_TIMES,
      () => false,
    );
  const sandbox = await startOne(folder);
  const waiting = new Map<string, () => void>();
  const listener = listen(
    database.url,
    ["quern_job_events"],
    (_, id) => waiting.get(id)?.(),
    () => {},
  );
  const self: TestSandbox = {
    db,
    actor,
    folder,
    async run(files, change) {
      return self.end(await self.begin(files, change));
    },
    async begin(files, change) {
      return (await makeJob(db, actor, change, files)).id;
    },
    async read(id) {
      return (await readJob(db, actor, id))!;
    },
    async tree(files) {
      const input = Object.entries(files).map(([path, content]) => [path, { content }]);
      const stored = await inTransaction(db, (trx) =>
        storeTree(trx, actor, Object.fromEntries(input)),
      );
      return stored.digest;
    },
    async end(id) {
      for (;;) {
        const job = await readJob(db, actor, id);
        if (job?.finished_at) return { ...job, result_rows: await rowsOf(db, actor, job) };
        await new Promise<void>((resolve) => {
          waiting.set(id, resolve);
          setTimeout(resolve, 200);
        });
        waiting.delete(id);
      }
    },
    another: (dataDir = folder) => startOne(dataDir),
    async stop() {
      await listener.stop();
      await sandbox.stop();
      await db.destroy();
      await database.drop();
      await rm(folder, { recursive: true, force: true });
    },
  };
  return self;
}

async function rowsOf(db: Database, actor: Actor, job: JobFacts): Promise<Cell[][]> {
  if (job.run_id === null) return [];
  const run = await readRun(db, actor, job.run_id);
  const statement = run?.statements.findLast(({ columns }) => columns !== null);
  if (!statement?.columns) return [];
  const parts = await listParts(db, job.run_id, statement.index);
  const manifest = { columns: statement.columns, rows: statement.rows, parts };
  const { run_id } = job;
  const open: OpenPart = async ({ part }) => {
    const data = await readPartData(db, run_id, statement.index, part);
    if (data === undefined) throw new Error("results of these tests are small");
    return partFromBytes(`${run_id}/${part}`, data);
  };
  return readRows(manifest, open, 0, 100_000);
}
