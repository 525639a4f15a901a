/**
 * The folder of a store: `store.json`, `layers/<org>/<key in hex>/{manifest.json,data}` and `tmp/`. What is under its
 * final name is whole; what is in `tmp` belongs to the process that its name begins with, or to nobody.
 */
import { randomBytes, randomUUID } from "node:crypto";
import { link, mkdir, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import { codeOf, syncFile } from "./pgdata.ts";

export type StoreFolder = { path: string; store_id: string; boot_id: string };

const STORE_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const KEY = /^[0-9a-f]{64}$/;

/** Opens the folder, or makes it; two processes that make it at once agree on its id. */
export async function openStoreFolder(
  path: string,
  bootId: () => Promise<string> = readBootId,
): Promise<StoreFolder> {
  const folder = resolve(path);
  await mkdir(join(folder, "layers"), { recursive: true, mode: 0o700 });
  await mkdir(join(folder, "tmp"), { recursive: true, mode: 0o700 });
  const file = join(folder, "store.json");
  const aside = join(folder, "tmp", `store.${randomBytes(6).toString("hex")}`);
  await writeWhole(aside, `${JSON.stringify({ version: 1, store_id: randomUUID() })}\n`);
  try {
    await link(aside, file);
    await syncFile(folder);
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw error;
  } finally {
    await rm(aside, { force: true });
  }
  return { path: folder, store_id: await readStoreId(file), boot_id: await bootId() };
}

async function readStoreId(file: string): Promise<string> {
  const content: unknown = JSON.parse(await readFile(file, "utf8"));
  if (typeof content === "object" && content !== null && "store_id" in content) {
    if (typeof content.store_id === "string" && STORE_ID.test(content.store_id))
      return content.store_id;
  }
  throw new Error(
    `${file} names no store. Move the folder away: Quern makes a new cache of layers.`,
  );
}

/** Differs after each start of the machine. */
export async function readBootId(): Promise<string> {
  try {
    return (await readFile("/proc/sys/kernel/random/boot_id", "utf8")).trim();
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
    // Without one, what is not known to be on the disk is never trusted by a later process.
    return `${hostname()}-${randomUUID()}`;
  }
}

/** Where the layer of a key is, or would be. */
export function homeOf(folder: StoreFolder, org_id: string, state_key: Buffer): string {
  return join(folder.path, "layers", org_id, state_key.toString("hex"));
}

/** PGDATA of a layer. */
export function dataOf(folder: StoreFolder, org_id: string, state_key: Buffer): string {
  return join(homeOf(folder, org_id, state_key), "data");
}

/** A name in `tmp` that belongs to the process. */
export function asideOf(folder: StoreFolder, process_id: string, label: string): string {
  const name = `${process_id}.${label.replace(/[^\w-]/g, "_").slice(0, 60)}`;
  return join(folder.path, "tmp", `${name}.${randomBytes(6).toString("hex")}`);
}

/** Takes a directory out of sight in one act; returns where it is to be deleted, null when it was not there. */
export async function moveAside(folder: StoreFolder, path: string): Promise<string | null> {
  const gone = join(folder.path, "tmp", `gone.${randomBytes(8).toString("hex")}`);
  try {
    await rename(path, gone);
    return gone;
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
    return null;
  }
}

/** Deletes what was moved aside. False when something of it stays for the next sweep: another process deletes it, too, or it is still mounted. */
export async function removeTree(path: string): Promise<boolean> {
  try {
    await rm(path, { recursive: true, force: true });
    return true;
  } catch (error) {
    if (["ENOTEMPTY", "EBUSY", "ENOENT"].includes(codeOf(error) ?? "")) return false;
    throw error;
  }
}

/** Everything under a final name. */
export async function listHomes(
  folder: StoreFolder,
): Promise<{ org_id: string; state_key: Buffer; path: string }[]> {
  const layers = join(folder.path, "layers");
  const found: { org_id: string; state_key: Buffer; path: string }[] = [];
  for (const org_id of await readdir(layers)) {
    for (const name of await readdir(join(layers, org_id))) {
      if (!KEY.test(name)) continue;
      found.push({ org_id, state_key: Buffer.from(name, "hex"), path: join(layers, org_id, name) });
    }
  }
  return found;
}

/** What in `tmp` belongs to none of these processes. */
export async function listLeftovers(
  folder: StoreFolder,
  alive: ReadonlySet<string>,
): Promise<string[]> {
  const names = await readdir(join(folder.path, "tmp"));
  return names
    .filter((name) => !alive.has(name.split(".", 1)[0]!) && !name.startsWith("store."))
    .map((name) => join(folder.path, "tmp", name));
}

/** Writes a file that is on the disk when this resolves. */
export async function writeWhole(path: string, content: string): Promise<void> {
  const file = await open(path, "wx", 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
}
