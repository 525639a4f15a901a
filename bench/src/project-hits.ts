import { setTimeout as delay } from "node:timers/promises";
import type { Job } from "@quern/contract/jobs";
import { startBenched } from "./benched.ts";
import type { Measure } from "./main.ts";
import { migrationChain } from "./project-chains.ts";
import { type Peer, runHead, startPeer, treeOf } from "./project-site.ts";
import { compare, elapsed, time } from "./times.ts";

const CHAIN = 20;
const ROUNDS = 30;
const WARM_UP = 6;
/** Between jobs, as a person leaves it: instances are started ahead while the machine has nothing better to do. */
const PAUSE_MS = 500;

/**
 * A trivial head on a state that is in the cache: from POST to its rows over HTTP, and the part of it from the look-up to a server
 * that answers, on an instance that was started ahead and on one that was not. Beside `create database … template` of the same
 * state on a server that runs.
 */
export async function projectHits(): Promise<Measure[]> {
  await using peer = await startPeer();
  const files = migrationChain(CHAIN);
  await peer.make("state");
  await peer.psql("state", files, "one");
  const template = await cloneTimes(peer);
  const whole = await time(() => cloneAndAsk(peer), { rounds: ROUNDS, warmUp: 5 });
  const ahead = await hits({}, PAUSE_MS);
  const cold = await hits({ QUERN_SANDBOX_POOL: "0" }, 0);
  const warm = ahead.jobs.filter(({ metrics }) => metrics?.warm === true).map(bootMs);
  const onlyCold = cold.jobs.filter(({ metrics }) => metrics?.warm !== true).map(bootMs);
  const peerWhole = "peer: create database … template, connect, select, drop";
  const peerClone = "peer: create database … template";
  return [
    compare(`a hit, POST to rows, p50, ${peerWhole}`, ahead.times, whole, 0.5),
    compare(`a hit, POST to rows, p95, ${peerWhole}`, ahead.times, whole, 0.95),
    compare(`the same, nothing started ahead, p50, ${peerWhole}`, cold.times, whole, 0.5),
    compare(`the same, nothing started ahead, p95, ${peerWhole}`, cold.times, whole, 0.95),
    ...(warm.length === 0
      ? []
      : [
          compare(
            `hit to a ready instance, started ahead (${warm.length} of ${ahead.jobs.length}), p50, ${peerClone}`,
            sorted(warm),
            template,
            0.5,
          ),
        ]),
    compare(
      `hit to a ready instance, cloned and started, p50, ${peerClone}`,
      sorted(onlyCold),
      template,
      0.5,
    ),
  ];
}

const bootMs = ({ metrics }: Job) => metrics?.boot_ms ?? Number.NaN;
const sorted = (times: number[]) => times.toSorted((a, b) => a - b);

/** Jobs one after the other, each on the same state. */
async function hits(
  sandbox: Record<string, string>,
  pause_ms: number,
): Promise<{ times: number[]; jobs: Job[] }> {
  await using benched = await startBenched({ runner: false, sandbox });
  const tree = treeOf(migrationChain(CHAIN));
  const jobs: Job[] = [];
  const once = async () => {
    const job = await runHead(benched.client, tree, "select 1");
    if (job.rows?.rows[0]?.[0] !== 1) throw new Error(`select 1 gave ${JSON.stringify(job.rows)}`);
    jobs.push(job);
  };
  const times: number[] = [];
  for (let n = 0; n < WARM_UP + ROUNDS; n++) {
    await delay(pause_ms);
    times.push(await elapsed(once));
  }
  const measured = jobs.slice(WARM_UP);
  const missed = measured.filter(({ snapshot }) => snapshot?.hit !== "full").length;
  if (missed > 0) throw new Error(`${missed} of ${measured.length} jobs were no hits`);
  return { times: sorted(times.slice(WARM_UP)), jobs: measured };
}

/** Of `create database … template` alone. */
async function cloneTimes({ admin }: Peer): Promise<number[]> {
  const times: number[] = [];
  for (let n = 0; n < ROUNDS; n++) {
    times.push(await elapsed(() => admin.query("create database copy template state")));
    await admin.query("drop database copy");
  }
  return sorted(times);
}

async function cloneAndAsk(peer: Peer): Promise<void> {
  await peer.admin.query("create database asked template state");
  await peer.query("asked", "select 1");
  await peer.admin.query("drop database asked");
}
