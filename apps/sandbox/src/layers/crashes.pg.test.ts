import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { readyLayers } from "@quern/store/layer-evictions";
import { sql } from "kysely";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { stoppedCluster } from "../testing-layers/clusters.ts";
import { keyOf } from "../testing-layers/keys.ts";
import type { RealCluster } from "../testing-layers/pgdata.ts";
import { type TestPlace, testPlace, testStore } from "../testing-layers/store.ts";
import type { ChildTask } from "../testing-layers/store-process.ts";
import { whatIsWrong } from "../testing-layers/whole.ts";
import type { LayerFailPoint } from "./shop.ts";
import { listHomes } from "./store-folder.ts";

let place: TestPlace;
let cluster: RealCluster;
beforeAll(async () => {
  [place, cluster] = await Promise.all([testPlace(), stoppedCluster()]);
});
afterAll(async () => {
  await Promise.all([place.stop(), cluster.remove()]);
});

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

const NAMES = ["a", "b", "c", "d"];
const POINTS: LayerFailPoint[] = [
  "moved",
  "manifest_written",
  "renamed",
  "inserted",
  "evicting",
  "directory_gone",
  "evicted",
];
const PROGRAM = resolve(import.meta.dirname, "../../dist/testing-layers/store-process.js");

function startChild(change: Partial<ChildTask>): ChildProcess {
  const task: ChildTask = {
    database_url: place.database.url,
    folder: join(place.folder, "store"),
    cluster: cluster.directory,
    org_id: place.org_id,
    names: NAMES,
    die_at: null,
    work: "chaos",
    lease_ms: 3000,
    ...change,
  };
  const child = fork(PROGRAM, {
    // Vitest runs our sources; a process of its own runs what was built.
    execArgv: [],
    env: { PATH: process.env.PATH, QUERN_TEST_LAYERS: JSON.stringify(task) },
  });
  children.push(child);
  return child;
}

/** Lets a process work until it dies at its point, or is killed some time after it began. */
async function oneDeath(n: number): Promise<void> {
  const point = POINTS[n % (POINTS.length + 2)];
  const child = startChild(point ? { die_at: { point, time: 1 + (n % 3) } } : {});
  const ended = once(child, "exit");
  if (!point) {
    await Promise.race([once(child, "message"), ended]);
    await delay(Math.random() * 150);
    child.kill("SIGKILL");
  }
  const [code, signal] = (await ended) as [number | null, string | null];
  expect({ n, code, signal }).toEqual({ n, code: null, signal: "SIGKILL" });
}

test("whatever dies at whatever point, a layer is whole or not there, and nothing stays behind", async () => {
  const deaths = Array.from({ length: 32 }, (_, n) => n);
  const lane = async () => {
    for (let n = deaths.shift(); n !== undefined; n = deaths.shift()) await oneDeath(n);
  };
  await Promise.all([lane(), lane(), lane()]);

  // All are dead: their leases end.
  await sql`update layer_processes set alive_till = now()`.execute(place.db);
  const store = await testStore(place);
  const rows = await readyLayers(place.db, store.store_id);
  const homes = await listHomes({ path: store.folder, store_id: store.store_id, boot_id: "" });
  expect(homes.map(({ path }) => path).sort()).toEqual(
    rows
      .map((row) => join(store.folder, "layers", row.org_id, row.state_key.toString("hex")))
      .sort(),
  );
  expect(await readdir(join(store.folder, "tmp"))).toEqual([]);
  for (const name of NAMES) {
    const { layer } = await store.find(place.org_id, [keyOf(name)], { kind: "job", id: "end" });
    if (layer) expect(await whatIsWrong(layer.directory, name)).toBeNull();
  }
  await store.stop();
}, 240_000);

test("over three processes each state is built once, and everybody gets it", async () => {
  await sql`delete from layers`.execute(place.db);
  const names = ["one", "two", "three", "four", "five"];
  const built: string[] = [];
  const three = Array.from({ length: 3 }, () =>
    startChild({ names, work: "once", lease_ms: 60_000, folder: join(place.folder, "shared") }),
  );
  const codes = await Promise.all(
    three.map(async (child) => {
      child.on("message", (message) => {
        if (typeof message === "object" && "built" in message) built.push(String(message.built));
      });
      const [code] = (await once(child, "exit")) as [number | null];
      return code;
    }),
  );
  expect(codes).toEqual([0, 0, 0]);
  expect(built.sort()).toEqual([...names].sort());
}, 120_000);
