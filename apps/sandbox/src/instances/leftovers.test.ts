import { type ChildProcess, execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openTestInstances, startOn, type TestInstances, withSession } from "./testing.ts";

const run = promisify(execFile);
const FIRST_UID = 71_300;

let folder: string;
let others: TestInstances[] = [];
let started: ChildProcess | null = null;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "quern-leftovers-"));
});
afterAll(async () => {
  started?.kill("SIGKILL");
  for (const other of others) await other.stop();
  await rm(folder, { recursive: true, force: true });
});

/** The process runs what tsc built. */
async function startProcess(
  firstUid = FIRST_UID,
): Promise<{ child: ChildProcess; socket_dirs: string[] }> {
  const program = resolve(import.meta.dirname, "../../dist/instances/testing-sandbox-process.js");
  const child = spawn(process.execPath, [program, folder, String(firstUid)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  started = child;
  const line = await new Promise<string>((found, failed) => {
    let text = "";
    child.stdout!.on("data", (chunk) => {
      text += chunk;
      if (text.includes("\n")) found(text);
    });
    child.once("exit", (code) => failed(new Error(`the process ended with ${code}`)));
  });
  return { child, socket_dirs: JSON.parse(line) };
}

async function serversOf(folderName: string): Promise<string[]> {
  const { stdout } = await run("ps", ["-eo", "stat=,args="]);
  return stdout.split("\n").filter((line) => line.includes(folderName) && !line.startsWith("Z"));
}

test("what a killed sandbox left is removed by the next one, and that of a living one is not", async () => {
  const { child, socket_dirs } = await startProcess();
  const living = await openTestInstances({ folder, uids: "71340-71350" });
  others = [living];
  expect(socket_dirs.map((dir) => existsSync(dir))).toEqual([true, true]);
  const own = await startOn(living, living.instances.environment({}));

  const records = join(folder, "instances");
  const writing = { dead: `a.${child.pid}.part`, living: `b.${process.pid}.part` };
  for (const name of Object.values(writing)) await writeFile(join(records, name), "{");
  child.kill("SIGKILL");
  await new Promise((ended) => child.once("exit", ended));
  const next = await openTestInstances({ folder, uids: "71360-71370" });
  others.push(next);
  const unfinished = (await readdir(records)).filter((name) => name.endsWith(".part"));
  expect(unfinished).toEqual([writing.living]);
  await rm(join(records, writing.living));

  expect(socket_dirs.map((dir) => existsSync(dir))).toEqual([false, false]);
  for (const dir of socket_dirs) expect(await serversOf(dir)).toEqual([]);
  const left = (await readdir(join(folder, "instances"))).sort();
  expect(left).toEqual([own.id, `${own.id}.json`].sort());
  expect(existsSync(own.socket_dir)).toBe(true);
  await own.destroy();
  await expect.poll(() => readdir(join(folder, "trash")), { timeout: 20_000 }).toEqual([]);
}, 120_000);

test("a sandbox that goes on removes what another left, and nothing of its own", async () => {
  // The same numbers: the survivor gets those of the one that was killed.
  const { child, socket_dirs } = await startProcess(71_380);
  const survivor = await openTestInstances({ folder, uids: "71380-71395", sweep_ms: 200 });
  others.push(survivor);
  child.kill("SIGKILL");
  await new Promise((ended) => child.once("exit", ended));
  const environment = survivor.instances.environment({});
  const own = [await startOn(survivor, environment), await startOn(survivor, environment)];

  await expect
    .poll(() => socket_dirs.filter((dir) => existsSync(dir)), { timeout: 20_000 })
    .toEqual([]);
  await expect
    .poll(async () => (await readdir(join(folder, "instances"))).sort(), { timeout: 20_000 })
    .toEqual(own.flatMap(({ id }) => [id, `${id}.json`]).sort());
  for (const instance of own) {
    const { rows } = await withSession(instance, (client) => client.query("select 1 as one"));
    expect(rows).toEqual([{ one: 1 }]);
    await instance.destroy();
  }
}, 120_000);
