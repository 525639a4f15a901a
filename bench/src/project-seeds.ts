import { listLayers } from "@quern/contract/layers";
import { type Benched, startBenched } from "./benched.ts";
import type { Measure } from "./main.ts";
import { type Peer, runHead, startPeer, treeOf } from "./project-site.ts";
import { type SeedShape, seed, trivialStatements } from "./seed-files.ts";
import { elapsed, measure } from "./times.ts";

const ROUNDS = 3;
const STATEMENTS = 1_000;
const SHAPES: Record<SeedShape, string> = {
  insert: "an insert a row",
  inserts: "inserts of 1,000 rows",
  copy: "copy",
};
const HEAD = "select count(*), sum(amount) from readings";
const MIB = 1024 ** 2;

type Times = { whole: number[]; step: number[]; peer: number[] };

/**
 * A seed of 25 MB for the first time, in three shapes, each beside `psql -f` of the same files by a new process on a server with the
 * same settings: the whole job from POST to the rows of its head, and of it the seed's own file in its session. Then a step of
 * trivial statements, the seed from the cache, its disk, and the memory of those who read it. Medians; who goes first alternates,
 * since a machine that others use drifts. The head's rows have to be those of psql's database.
 */
export async function projectSeeds(): Promise<Measure[]> {
  await using benched = await startBenched({ runner: false, sandbox: {} });
  await using peer = await startPeer();
  const { client } = benched;
  // The base of the environment is made once in the life of an installation.
  await runHead(client, { "init/1.sql": { content: "select 1;" } }, "select 1");
  const measures: Measure[] = [];
  for (const [shape, name] of Object.entries(SHAPES) as [SeedShape, string][]) {
    const times = await seedTimes(benched, peer, shape);
    const [whole, step, psql] = [times.whole, times.step, times.peer].map(median);
    measures.push(
      measure(`a seed of 25 MB by ${name}, peer: psql`, whole!, psql!, "ms"),
      measure(`of it the file itself, by ${name}, peer: psql`, step!, psql!, "ms"),
    );
  }
  measures.push(await trivial(benched, peer), await fromCache(benched, peer));
  measures.push(await disk(benched, peer));
  const peak = await benched.sandboxPeakRss();
  measures.push(
    measure("memory of the sandbox at its peak, peer: a seed", peak.sandbox / MIB, 25, "MB"),
    measure("memory of an executor at its peak, peer: a seed", peak.executor / MIB, 25, "MB"),
  );
  return measures;
}

async function seedTimes({ client }: Benched, peer: Peer, shape: SeedShape): Promise<Times> {
  const times: Times = { whole: [], step: [], peer: [] };
  for (let round = 0; round < ROUNDS; round += 1) {
    const files = seed(shape, `round ${round}`);
    const database = `${shape}_${round}`;
    await peer.make(database);
    const psql = async () => {
      times.peer.push(await elapsed(() => peer.psql(database, files, "one")));
    };
    const quern = async () => {
      const began = performance.now();
      const job = await runHead(client, treeOf(files), HEAD, { steps: true });
      times.whole.push(performance.now() - began);
      times.step.push(job.steps.at(-1)?.duration_ms ?? Number.NaN);
      return JSON.stringify(job.rows?.rows);
    };
    if (round % 2 === 0) await psql();
    const rows = await quern();
    if (round % 2 === 1) await psql();
    const wanted = JSON.stringify((await peer.query(database, HEAD)).map((row) => row.map(String)));
    if (rows !== wanted) throw new Error(`the head gave ${rows}, psql ${wanted}`);
  }
  return times;
}

/** What one statement costs, when the server has nothing to do for it. */
async function trivial({ client }: Benched, peer: Peer): Promise<Measure> {
  const step: number[] = [];
  const psql: number[] = [];
  await peer.make("trivial");
  for (let round = 0; round < ROUNDS * 3; round += 1) {
    const files = trivialStatements(STATEMENTS, `round ${round}`);
    psql.push(await elapsed(() => peer.psql("trivial", files.slice(1), "one")));
    const job = await runHead(client, treeOf(files), "select 1", { steps: true });
    step.push(job.steps.at(-1)?.duration_ms ?? Number.NaN);
  }
  const what = `a file of ${STATEMENTS} × select 1, peer: psql`;
  return measure(what, median(step), median(psql), "ms");
}

async function fromCache({ client }: Benched, peer: Peer): Promise<Measure> {
  const files = treeOf(seed("copy", "round 0"));
  const hit = await elapsed(() => runHead(client, files, HEAD));
  const clone = await elapsed(() => peer.admin.query("create database clone template copy_0"));
  return measure("a seed from the cache, peer: create database … template", hit, clone, "ms");
}

async function disk({ client }: Benched, peer: Peer): Promise<Measure> {
  const { items } = await client.call(listLayers, { query: { status: "ready", limit: "500" } });
  const seeds = items.filter(({ paths }) => paths.at(-1)?.endsWith("_readings.sql"));
  const [database] = await peer.query("copy_0", "select pg_database_size(current_database())");
  const bytes = Math.max(...seeds.map((layer) => layer.bytes));
  const what = "disk of the layer of a seed, peer: the database of psql";
  return measure(what, bytes / MIB, Number(database?.[0]) / MIB, "MB");
}

function median(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)]!;
}
