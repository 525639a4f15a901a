import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { systemCode } from "@quern/postmaster/postmaster-error";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openTestInstances, startOn, withSession } from "../instances/testing.ts";
import { type CloneBackend, chooseBackend, probeClones } from "./backend.ts";
import { cloneDirectory } from "./clone.ts";
import { mountsBelow, unmount } from "./overlay.ts";

const run = promisify(execFile);
const OTHER_UID = process.getuid?.() === 0 ? 71_500 : null;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "quern-clones-"));
});
afterEach(async () => {
  for (const point of await mountsBelow(folder)) await unmount(point);
  await rm(folder, { recursive: true, force: true });
});

async function makeLayer(at: string): Promise<string> {
  const layer = join(at, "layer");
  await mkdir(join(layer, "base", "1"), { recursive: true });
  await writeFile(join(layer, "base", "1", "1259"), Buffer.alloc(65_536, 7), { mode: 0o600 });
  await writeFile(join(layer, "PG_VERSION"), "18\n", { mode: 0o600 });
  // As those of another instance, and closed to everybody.
  if (OTHER_UID !== null) await run("chown", ["-R", "71999:71999", layer]);
  await chmod(layer, 0o700);
  return layer;
}

function orderOf(backend: CloneBackend, from: string, place: string) {
  return { backend, from, place, uid: OTHER_UID, setpriv: existsSync("/usr/bin/setpriv") };
}

/** Changing a clone changes nothing else; the clone belongs to its user. */
async function checkClone(backend: CloneBackend, at: string): Promise<void> {
  const layer = await makeLayer(at);
  const clones = [join(at, "one"), join(at, "two")];
  for (const place of clones) await cloneDirectory(orderOf(backend, layer, place));
  const file = (place: string) => join(place, "data", "base", "1", "1259");
  await writeFile(file(clones[0]!), "changed");
  expect((await readFile(file(clones[1]!))).equals(Buffer.alloc(65_536, 7))).toBe(true);
  expect((await readFile(join(layer, "base", "1", "1259"))).equals(Buffer.alloc(65_536, 7))).toBe(
    true,
  );
  const found = await stat(file(clones[1]!));
  expect(found.mode & 0o777).toBe(0o600);
  if (OTHER_UID !== null) expect(found.uid).toBe(OTHER_UID);
  expect((await stat(join(layer, "base", "1", "1259"))).nlink).toBe(1);
}

test("a copy is independent", () => checkClone("copy", folder));

/** Processes whose command line names the folder, zombies apart. */
async function processesOf(name: string): Promise<{ pid: number; command: string }[]> {
  const { stdout } = await run("ps", ["-eo", "pid=,stat=,args=", "-ww"]);
  return stdout.split("\n").flatMap((line) => {
    const [, pid, state = "", command = ""] = /^\s*(\d+)\s+(\S+)\s+(.*)$/.exec(line) ?? [];
    const is = command.includes(name) && !state.startsWith("Z");
    return is ? [{ pid: Number(pid), command }] : [];
  });
}

test.each([null, OTHER_UID])("what copies dies with its process, as user %s", async (uid) => {
  if (!existsSync("/usr/bin/setpriv")) return;
  const layer = await makeLayer(folder);
  for (let i = 0; i < 2_000; i++) await writeFile(join(layer, "base", "1", `empty${i}`), "");
  const program = resolve(import.meta.dirname, "../../dist/clones/testing-clone-process.js");
  const args = [program, folder, ...(uid === null ? [] : [String(uid)])];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "inherit"] });
  const exited = once(child, "exit");
  try {
    // Stopped, it cannot just come to its end.
    await expect
      .poll(async () => {
        const copying = (await processesOf(folder)).filter(({ command }) => /^cp /.test(command));
        for (const { pid } of copying) stopProcess(pid);
        return copying.length;
      })
      .toBeGreaterThan(0);
  } finally {
    child.kill("SIGKILL");
    await exited;
  }
  await expect.poll(() => processesOf(folder)).toEqual([]);
});

function stopProcess(pid: number): void {
  try {
    process.kill(pid, "SIGSTOP");
  } catch (error) {
    if (systemCode(error) !== "ESRCH") throw error;
  }
}

test("an overlay is independent", async ({ skip }) => {
  const { overlay, note } = await probeClones(folder, OTHER_UID);
  if (!overlay) skip(note);
  await checkClone("overlay", folder);
});

test.each([
  ["xfs", ["-q", "-f", "-m", "reflink=1"]],
  ["btrfs", ["-q", "-f"]],
])("clones on %s share blocks, and are independent", async (type, args) => {
  const image = join(folder, "image");
  const at = join(folder, "mounted");
  await mkdir(at);
  await run("truncate", ["-s", "400M", image]);
  const made = await run(`mkfs.${type}`, [...args, image]).then(
    () => run("mount", ["-o", "loop", image, at]).then(() => null, String),
    String,
  );
  if (made !== null) {
    console.warn(`not tested on ${type}: ${made.split("\n")[0]}`);
    return;
  }
  const found = await probeClones(at, OTHER_UID);
  expect(found.reflink).toBe(true);
  await checkClone("reflink", at);
  const { stdout: before } = await run("df", ["--output=used", "-B1", at]);
  await writeFile(join(at, "layer", "big"), Buffer.alloc(50 * 1024 * 1024, 3));
  await cloneDirectory(orderOf("reflink", join(at, "layer"), join(at, "three")));
  await run("sync", ["-f", at]);
  const { stdout: after } = await run("df", ["--output=used", "-B1", at]);
  const used = Number(after.split("\n")[1]) - Number(before.split("\n")[1]);
  expect(used).toBeLessThan(80 * 1024 * 1024);
});

test("what is chosen depends on what there is, how much is cloned and what for", () => {
  const nothing = { reflink: false, overlay: false, note: "" };
  const overlay = { ...nothing, overlay: true };
  const all = { ...overlay, reflink: true };
  const big = 10 ** 10;
  expect(chooseBackend("auto", all, big, false)).toBe("reflink");
  expect(chooseBackend("auto", overlay, big, true)).toBe("overlay");
  expect(chooseBackend("auto", overlay, big, false)).toBe("copy");
  expect(chooseBackend("auto", overlay, 10 ** 6, true)).toBe("copy");
  expect(chooseBackend("auto", nothing, big, true)).toBe("copy");
  expect(chooseBackend("overlay", all, 10 ** 6, true)).toBe("overlay");
  expect(chooseBackend("overlay", all, 10 ** 6, false)).toBe("copy");
  expect(chooseBackend("copy", all, big, true)).toBe("copy");
});

test("a server runs on an overlay, and leaves nothing mounted", async ({ skip }) => {
  const { overlay, note } = await probeClones(folder, OTHER_UID);
  if (!overlay) skip(note);
  const sandbox = await openTestInstances({ folder, clone: "overlay" });
  const environment = sandbox.instances.environment({});
  const instance = await startOn(sandbox, environment);
  expect(instance.timings.clone).toBe("overlay");
  await withSession(instance, (client) =>
    client.query("create table t as select generate_series(1, 1000)"),
  );
  await instance.destroy();
  expect(await mountsBelow(folder)).toEqual([]);
  const next = await startOn(sandbox, environment);
  await expect(withSession(next, (client) => client.query("select * from t"))).rejects.toThrow(
    /does not exist/,
  );
  await sandbox.stop();
  expect(await mountsBelow(folder)).toEqual([]);
});

test("a way that the folder does not offer is refused at the start", async ({ skip }) => {
  const { reflink } = await probeClones(folder, OTHER_UID);
  if (reflink) skip("this folder shares blocks");
  await expect(openTestInstances({ folder, clone: "reflink" })).rejects.toThrow(
    /QUERN_SANDBOX_CLONE=reflink is not possible/,
  );
});
