import { listLayers } from "@quern/contract/layers";
import { startBenched } from "./benched.ts";
import type { Measure } from "./main.ts";
import { migrationChain } from "./project-chains.ts";
import { type Peer, runHead, startPeer, treeOf } from "./project-site.ts";
import { elapsed, measure } from "./times.ts";

const FILES = 400;
const EDITED = [400, 300, 100, 1];
const HEAD =
  "select (select count(*) from t0), (select sum(amount) from t79), (select count(*) from pg_class where relnamespace = 'public'::regnamespace)";

/**
 * A chain of 400 migrations: built for the first time beside `psql -f` of the same files on a server with the same settings; after
 * an edit of file k, which is to run nothing before k but what no layer kept; and the disk of layers. The head's rows have to be
 * those that psql's database gives, every time.
 */
export async function projectChain(): Promise<Measure[]> {
  await using benched = await startBenched({ runner: false, sandbox: {} });
  await using peer = await startPeer();
  const chain = migrationChain(FILES);
  const psql = await peerTimes(peer, chain);
  const { client } = benched;

  const run = async (files = chain) => {
    const began = performance.now();
    const job = await runHead(client, treeOf(files), HEAD);
    const took = performance.now() - began;
    if (JSON.stringify(job.rows?.rows) !== psql.rows)
      throw new Error(`the head gave ${JSON.stringify(job.rows?.rows)}, psql ${psql.rows}`);
    return { took, replayed: job.snapshot!.replayed_steps };
  };
  // The base of the environment is made once in the life of an installation.
  await runHead(client, { "init/1.sql": { content: "select 1;" } }, "select 1");
  const cold = await run();
  if (cold.replayed !== FILES) throw new Error(`a cold build ran ${cold.replayed} files`);
  const measures = [
    measure(
      "400 files for the first time, peer: psql -f, one for each",
      cold.took,
      psql.each,
      "ms",
    ),
    measure("400 files for the first time, peer: one psql for all", cold.took, psql.one, "ms"),
  ];
  for (const file of EDITED) {
    for (const time of ["first", "next"]) {
      const edited = migrationChain(FILES, { file, mark: `${time} edit of ${file}` });
      const { took, replayed } = await run(edited);
      if (replayed < FILES - file + 1) throw new Error(`an edit of ${file} ran only ${replayed}`);
      const what = `${time} edit of file ${file}: ${replayed} files run, peer: one psql for all`;
      measures.push(measure(what, took, psql.one, "ms"));
    }
  }
  return [...measures, ...(await disk(client, psql))];
}

async function peerTimes(peer: Peer, chain: ReturnType<typeof migrationChain>) {
  await peer.make("each");
  const each = await elapsed(() => peer.psql("each", chain, "each"));
  await peer.make("one");
  const one = await elapsed(() => peer.psql("one", chain, "one"));
  const sizes = await peer.admin.query<{ datname: string; size: string }>(
    "select datname, pg_database_size(datname) as size from pg_database",
  );
  const size = (name: string) => Number(sizes.rows.find(({ datname }) => datname === name)!.size);
  return {
    each,
    one,
    rows: JSON.stringify((await peer.query("one", HEAD)).map((row) => row.map(String))),
    chainBytes: size("one"),
  };
}

async function disk(
  client: Awaited<ReturnType<typeof startBenched>>["client"],
  psql: { chainBytes: number },
): Promise<Measure[]> {
  const { items } = await client.call(listLayers, { query: { status: "ready", limit: "500" } });
  const mega = (bytes: number) => bytes / 1024 ** 2;
  const chain = items.filter(({ depth }) => depth === FILES).map(({ bytes }) => bytes);
  const all = items.reduce((sum, { bytes }) => sum + bytes, 0);
  const widest = Math.max(...chain);
  return [
    measure(
      "disk of the layer of 400 files, peer: the database of psql",
      mega(widest),
      mega(psql.chainBytes),
      "MB",
    ),
    measure(`disk of all ${items.length} layers, peer: one`, mega(all), mega(widest), "MB"),
  ];
}
