import { listLayers } from "@quern/contract/layers";
import { startBenched } from "./benched.ts";
import type { Measure } from "./main.ts";
import { migrationChain } from "./project-chains.ts";
import { runHead, startPeer, treeOf } from "./project-site.ts";
import { elapsed, measure } from "./times.ts";

const JOBS = 50;
const PREFIXES = 5;
const CHAIN = 20;

/**
 * 50 jobs of 10 people at once on 5 states that nobody made before: each state is to be built once, by one of the jobs that want
 * it. Beside 50 times psql of the same files, one after the other, which is what a CI without a cache does.
 */
export async function projectParallel(): Promise<Measure[]> {
  await using benched = await startBenched({
    runner: false,
    sandbox: { QUERN_SANDBOX_SLOTS: "16" },
  });
  const people = await benched.addPeople(10);
  const chains = Array.from({ length: PREFIXES }, (_, n) =>
    migrationChain(CHAIN, { file: 1, mark: `prefix ${n}` }),
  );
  const took = await elapsed(() =>
    Promise.all(
      Array.from({ length: JOBS }, (_, n) =>
        runHead(people[n % people.length]!, treeOf(chains[n % PREFIXES]!), `select ${n}`),
      ),
    ),
  );
  const { items } = await benched.client.call(listLayers, {
    query: { status: "ready", limit: "500" },
  });
  const tails = items.filter(({ depth }) => depth === CHAIN);
  const builds = tails.reduce((sum, layer) => sum + layer.builds, 0);
  await using peer = await startPeer();
  let round = 0;
  const once = await elapsed(async () => {
    for (; round < 5; round += 1) {
      await peer.make(`p${round}`);
      await peer.psql(`p${round}`, chains[round]!, "one");
    }
  });
  return [
    measure(
      "50 jobs at once on 5 new states: builds, peer: states",
      builds,
      tails.length,
      "builds",
    ),
    measure("the same, all answered, peer: 50 × psql (5 measured)", took, once * 10, "ms"),
  ];
}
