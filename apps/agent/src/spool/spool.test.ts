import { execFileSync } from "node:child_process";
import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  symlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { testingItem } from "../testing-payload.ts";
import type { Entry } from "./entry.ts";
import { overflow } from "./overflow.ts";
import { openSpool, type Spool } from "./spool.ts";

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "quern-spool-"));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const config = (more = {}) => ({ dir, max_bytes: 10_000_000, max_age_ms: 86_400_000, ...more });
/** What was put; null where it is gone. */
async function textOf(spool: Spool, entry: Entry | undefined): Promise<string | null> {
  const pieces: Buffer[] = [];
  const content = await spool.read(entry as Entry, (piece) => pieces.push(piece));
  return content === null ? null : Buffer.concat(pieces).toString("utf8");
}
const files = () => readdir(join(dir, "spool"));

test("what was put is there after a restart, in its order, byte for byte", async () => {
  const spool = await openSpool(config());
  const items = [
    testingItem(),
    testingItem({ schema: { tables: [], indexes: [] } }),
    testingItem(),
  ];
  await Promise.all(items.map((item) => spool.put(item)));
  const again = await openSpool(config());
  expect(again.entries().map(({ uuid }) => uuid)).toEqual(items.map(({ uuid }) => uuid));
  expect(again.entries().map(({ schema }) => schema)).toEqual([false, true, false]);
  expect(await textOf(again, again.entries()[1])).toBe(items[1]?.body);
  await again.put(testingItem());
  const names = again.entries().map(({ name }) => name);
  expect(names).toEqual([...names].sort());
  await again.remove(again.entries()[0] as Entry);
  expect(await files()).toHaveLength(3);
});

test("U10: what a crash left half written is passed over, and swept later", async () => {
  const spool = await openSpool(config());
  await spool.put(testingItem());
  const [name = ""] = await files();
  const partial = join(dir, "spool", `.${name}.99.tmp`);
  await writeFile(partial, "half");
  await writeFile(join(dir, "spool", "notes.txt"), "somebody's");
  expect((await openSpool(config())).entries()).toHaveLength(1);
  expect(await files()).toHaveLength(3);
  const old = new Date(Date.now() - 7_200_000);
  await utimes(partial, old, old);
  await openSpool(config());
  expect((await files()).sort()).toEqual([name, "notes.txt"]);
});

test("a file that is not what was written is dropped and counted", async () => {
  const spool = await openSpool(config());
  await spool.put(testingItem());
  const [name = ""] = await files();
  await writeFile(join(dir, "spool", name), "not gzip");
  const [entry] = spool.entries();
  expect(await spool.read(entry as Entry)).toBeNull();
  expect(spool.state()).toMatchObject({ payloads: 0, dropped: 1 });
  expect(await files()).toEqual([]);
});

test("what another process has sent meanwhile is no loss", async () => {
  const [spool, other] = [await openSpool(config()), await openSpool(config())];
  await spool.put(testingItem());
  const [name = ""] = await files();
  await rm(join(dir, "spool", name));
  expect(await spool.read(spool.entries()[0] as Entry)).toBeNull();
  expect(spool.state()).toMatchObject({ payloads: 0, dropped: 0 });
  expect(other.entries()).toEqual([]);
  // In the folder when it is read, and gone when it is looked at.
  await symlink("nowhere", join(dir, "spool", name));
  expect((await openSpool(config())).state()).toMatchObject({ payloads: 0, disk_error: null });
});

test("U9: a disk that takes nothing leaves payloads in memory, and they go to the disk when it does", async () => {
  await rm(dir, { recursive: true });
  await writeFile(dir, "a file where the folder should be");
  const spool = await openSpool(config());
  expect(spool.state().disk_error).toBe("ENOTDIR");
  const item = testingItem();
  await spool.put(item);
  expect(spool.state()).toMatchObject({ payloads: 1, held_in_memory: 1, disk_error: "ENOTDIR" });
  expect(await textOf(spool, spool.entries()[0])).toBe(item.body);
  await rm(dir);
  await mkdir(dir);
  await spool.flush();
  expect(spool.state()).toMatchObject({ held_in_memory: 0, disk_error: null });
  expect((await openSpool(config())).entries()).toHaveLength(1);
});

test("U9: a full disk does the same", async (context) => {
  const mounted = join(dir, "small");
  await mkdir(mounted);
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", mounted], { stdio: "ignore" });
  } catch (error) {
    if ((error as { status?: unknown }).status === undefined) throw error;
    return context.skip("needs the right to mount");
  }
  try {
    const spool = await openSpool({ ...config(), dir: mounted });
    const noise = Array.from({ length: 8_000 }, () => Math.random()).join("");
    for (let turn = 0; turn < 4; turn += 1) {
      await spool.put(testingItem({ node_name: noise.slice(turn * 100, turn * 100 + 50_000) }));
    }
    expect(spool.state()).toMatchObject({ payloads: 4, disk_error: "ENOSPC" });
    expect(spool.state().held_in_memory).toBeGreaterThan(0);
    for (const entry of spool.entries()) expect(await spool.read(entry)).not.toBeNull();
    expect((await readdir(join(mounted, "spool"))).filter((it) => it.endsWith(".tmp"))).toEqual([]);
  } finally {
    execFileSync("umount", ["-l", mounted]);
  }
});

test("dead letters keep the payload and its reason, and are bounded", async () => {
  const spool = await openSpool(config({ max_bytes: 100_000 }));
  for (let turn = 0; turn < 3; turn += 1) {
    await spool.put(testingItem());
    await spool.bury(spool.entries()[0] as Entry, { reason: "422: no" });
  }
  expect(spool.state()).toMatchObject({ payloads: 0, dead_letters: 3, dropped: 0 });
  const names = (await readdir(join(dir, "dead-letters"))).sort();
  expect(names).toHaveLength(6);
  const note = await readFile(
    join(dir, "dead-letters", names.find((it) => it.endsWith("reason.json")) ?? ""),
  );
  expect(JSON.parse(String(note))).toEqual({ reason: "422: no" });
  expect((await openSpool(config())).state().dead_letters).toBe(3);
  const small = await openSpool(config({ max_bytes: 2_000 }));
  await small.put(testingItem());
  await small.bury(small.entries()[0] as Entry, { reason: "again" });
  expect(small.state().dead_letters).toBeLessThan(4);
});

test("files of payloads are for this user alone", async () => {
  const spool = await openSpool(config());
  await spool.put(testingItem());
  const mode = execFileSync("stat", [
    "-c",
    "%a",
    join(dir, "spool"),
    join(dir, "spool", (await files())[0] ?? ""),
  ]);
  expect(String(mode).trim().split("\n")).toEqual(["700", "600"]);
  await chmod(join(dir, "spool"), 0o700);
});

const entry = (number: number, stream: string, schema = false): Entry => ({
  name: String(number).padStart(12, "0"),
  uuid: "",
  stream,
  schema,
  bytes: 100,
  created_at: 1_000 + number,
  held: null,
});

test("U8: a full spool is thinned out before it forgets, and schemas stay longest", () => {
  const entries = Array.from({ length: 20 }, (_, index) =>
    entry(index, index % 2 === 0 ? "a" : "b"),
  );
  const with_schema = [entry(-1, "a", true), ...entries];
  const bounds = { max_bytes: 1_700, max_age_ms: 1e9 };
  const gone = overflow(with_schema, bounds, 2_000).map(({ created_at }) => created_at - 1_000);
  // Every second of a (0, 2, 4, …) and of b (1, 3, 5, …), from the oldest on: never the first, never two in a row.
  expect(gone).toEqual([2, 3, 6, 7]);
  const hard = overflow(with_schema, { ...bounds, max_bytes: 300 }, 2_000);
  expect(with_schema.length - hard.length).toBe(3);
  expect(hard.some(({ schema }) => schema)).toBe(false);
  expect(overflow(with_schema, { ...bounds, max_bytes: 0 }, 2_000)).toHaveLength(21);
  expect(overflow(with_schema, { max_bytes: 1e9, max_age_ms: 1_000 }, 2_006)).toHaveLength(7);
});

test("U8: the oldest numbers go first, and it is counted", async () => {
  const spool = await openSpool(config({ max_bytes: 2_500 }));
  const schema = testingItem({ schema: { tables: [], indexes: [] } });
  await spool.put(schema);
  for (let turn = 0; turn < 20; turn += 1) await spool.put(testingItem());
  const { payloads, bytes, dropped } = spool.state();
  expect(bytes).toBeLessThanOrEqual(2_500);
  expect(payloads + dropped).toBe(21);
  expect(spool.entries()[0]?.uuid).toBe(schema.uuid);
  expect(await files()).toHaveLength(payloads);
});
