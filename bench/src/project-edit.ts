import { setTimeout as delay } from "node:timers/promises";
import type { Job } from "@quern/contract/jobs";
import { startBenched } from "./benched.ts";
import type { Measure } from "./main.ts";
import { type ChainFile, migrationChain } from "./project-chains.ts";
import { type Peer, runHead, startPeer, treeOf } from "./project-site.ts";
import { compare, elapsed } from "./times.ts";

const FILES = 400;
/** The file that is edited, again and again, and how often. */
const EDITS: readonly { file: number; rounds: number }[] = [
  { file: 400, rounds: 25 },
  { file: 390, rounds: 20 },
  { file: 200, rounds: 4 },
];
const WARM_UP = 3;
/** Between edits, as a person leaves it: what an answer left to be done is done meanwhile. */
const PAUSE_MS = 1_500;
const HEAD =
  "select (select count(*) from t0), (select sum(amount) from t79), (select count(*) from pg_class where relnamespace = 'public'::regnamespace)";

/**
 * A project of 400 files whose file k is edited: from POST to the rows of its head, beside a hit in the same run, and beside `psql` that
 * runs the files from k on and the head in a database that has all before k, which is more than a peer without layers can have.
 */
export async function projectEdit(): Promise<Measure[]> {
  await using benched = await startBenched({ runner: false, sandbox: {} });
  await using peer = await startPeer();
  const { client } = benched;
  const run = (files: ChainFile[]) => runHead(client, treeOf(files), HEAD);
  const whole = migrationChain(FILES);
  const wanted = JSON.stringify((await run(whole)).rows?.rows);
  const hits = await repeated(25, async () => check(await run(whole), wanted, 0));
  const measures: Measure[] = [];
  for (const { file, rounds } of EDITS) {
    const replayed: number[] = [];
    const times = await repeated(rounds, async (round) => {
      const edited = migrationChain(FILES, { file, mark: `edit ${round} of file ${file}` });
      const job = await run(edited);
      check(job, wanted, null);
      if (round >= 0) replayed.push(job.snapshot!.replayed_steps);
    });
    const ready = await psqlTimes(peer, file, Math.min(rounds, 5), wanted);
    const what = `edit of file ${file} of 400, POST to rows (${modeOf(replayed)} files run)`;
    for (const share of [0.5, 0.95]) {
      const which = `p${share * 100}`;
      measures.push(
        compare(
          `${what}, ${which}, peer: psql from there in a ready database`,
          times,
          ready,
          share,
        ),
        compare(`${what}, ${which}, peer: a hit in the same run`, times, hits, share),
      );
    }
  }
  return measures;
}

/** Sorted; rounds below 0 are not counted. */
async function repeated(rounds: number, once: (round: number) => Promise<unknown>) {
  const times: number[] = [];
  for (let round = -WARM_UP; round < rounds; round++) {
    await delay(PAUSE_MS);
    const took = await elapsed(() => once(round));
    if (round >= 0) times.push(took);
  }
  return times.sort((a, b) => a - b);
}

function check(job: Job, rows: string, replayed: number | null): void {
  if (JSON.stringify(job.rows?.rows) !== rows)
    throw new Error(`the head gave ${JSON.stringify(job.rows?.rows)}, and before ${rows}`);
  if (replayed !== null && job.snapshot?.replayed_steps !== replayed)
    throw new Error(`${job.snapshot?.replayed_steps} files were run instead of ${replayed}`);
}

function modeOf(counts: readonly number[]): number {
  return counts.toSorted((a, b) => a - b)[Math.floor(counts.length / 2)]!;
}

/** A process of psql for the files, and a connection for the head; making the database ready is not counted. */
async function psqlTimes(peer: Peer, file: number, rounds: number, wanted: string) {
  const chain = migrationChain(FILES);
  const before = `before_${file}`;
  await peer.make(before);
  await peer.psql(before, chain.slice(0, file - 1), "one");
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const database = `edit_${file}_${round}`;
    await peer.admin.query(`create database ${database} template ${before}`);
    let rows: unknown[][] = [];
    times.push(
      await elapsed(async () => {
        await peer.psql(database, chain.slice(file - 1), "one");
        rows = await peer.query(database, HEAD);
      }),
    );
    const told = JSON.stringify(rows.map((row) => row.map(String)));
    if (told !== wanted) throw new Error(`psql gave ${told}, and Quern ${wanted}`);
    await peer.admin.query(`drop database ${database}`);
  }
  return times.sort((a, b) => a - b);
}
