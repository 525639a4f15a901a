/**
 * Control groups, where this process may make them: memory, processes and share of the processor of one instance.
 * Version 2 needs a delegated group (systemd: Delegate=yes) or the root of a container; version 1 its controllers
 * mounted writable. Without either, only PostgreSQL's own limits and the disk watch hold.
 */
import { mkdir, readFile, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { systemCode } from "@quern/postmaster/postmaster-error";
import type { InstanceLimits } from "./limits.ts";

export type Cgroups = {
  version: "v2" | "v1";
  /** The folders that a process has to join: `cgroup.procs` of each. */
  make(id: string, limits: InstanceLimits): Promise<Cgroup>;
  /** A group that an earlier process left behind. */
  open(id: string): Cgroup;
};

export type Cgroup = {
  folders: string[];
  /** Whether the kernel had to kill a process of it for want of memory. */
  ranOutOfMemory(): Promise<boolean>;
  /** Once no process is in it any more; false: there still is. */
  remove(): Promise<boolean>;
};

const ROOT = "/sys/fs/cgroup";
const GROUP = "quern-sandbox";

/** Finds what can be used, by making a group and taking it away. Null: nothing, for the reason given. */
export async function openCgroups(): Promise<
  { cgroups: Cgroups } | { cgroups: null; why: string }
> {
  if (process.platform !== "linux") return { cgroups: null, why: "control groups are of Linux" };
  const own = parseOwnGroups(await readFile("/proc/self/cgroup", "utf8"));
  const whys: string[] = [];
  for (const attempt of [openV2, openV1]) {
    try {
      const cgroups = await attempt(own);
      const probe = await cgroups.make(`probe-${process.pid}`, PROBE);
      await probe.remove();
      return { cgroups };
    } catch (error) {
      const code = systemCode(error);
      if (code === undefined) throw error;
      whys.push(code);
    }
  }
  return { cgroups: null, why: `no control group can be made (${[...new Set(whys)].join(", ")})` };
}

const PROBE: InstanceLimits = {
  memory_bytes: 64 * 1024 * 1024,
  disk_bytes: 0,
  temp_bytes: 0,
  processes: 16,
  connections: 1,
  cpu_weight: 50,
  statement_timeout_ms: null,
  wall_ms: null,
};

/** Controller to path; version 2 has the empty name. */
function parseOwnGroups(text: string): Map<string, string> {
  const groups = new Map<string, string>();
  for (const line of text.trim().split("\n")) {
    const [, names = "", path = "/"] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    for (const name of names.split(",")) groups.set(name, path);
  }
  return groups;
}

async function openV2(own: Map<string, string>): Promise<Cgroups> {
  const base = join(ROOT, own.get("") ?? "/");
  const parent = join(base, GROUP);
  await readFile(join(base, "cgroup.controllers"), "utf8");
  const controllers = "+memory +pids +cpu";
  if (base !== ROOT) {
    // A group whose members have limits of their own must be empty itself, so we move below it.
    const home = join(base, "quern-main");
    await makeFolder(home);
    await writeFile(join(home, "cgroup.procs"), String(process.pid));
  }
  await writeFile(join(base, "cgroup.subtree_control"), controllers);
  await makeFolder(parent);
  await writeFile(join(parent, "cgroup.subtree_control"), controllers);
  const open = (id: string): Cgroup => ({
    folders: [join(parent, id)],
    async ranOutOfMemory() {
      const events = await readIfPresent(join(parent, id, "memory.events"));
      return /^oom_kill [1-9]/m.test(events);
    },
    remove: () => removeFolders([join(parent, id)]),
  });
  return {
    version: "v2",
    open,
    async make(id, limits) {
      const folder = join(parent, id);
      await makeFolder(folder);
      await writeFile(join(folder, "memory.max"), String(limits.memory_bytes));
      await writeIfPresent(join(folder, "memory.swap.max"), "0");
      await writeFile(join(folder, "pids.max"), String(limits.processes));
      await writeFile(join(folder, "cpu.weight"), String(limits.cpu_weight));
      return open(id);
    },
  };
}

async function openV1(own: Map<string, string>): Promise<Cgroups> {
  const memory = await v1Parent("memory", own);
  const pids = await v1Parent("pids", own);
  const cpu = await v1Parent("cpu", own);
  const foldersOf = (id: string) => [memory, pids, cpu].map((parent) => join(parent, id));
  const open = (id: string): Cgroup => ({
    folders: foldersOf(id),
    async ranOutOfMemory() {
      const control = await readIfPresent(join(memory, id, "memory.oom_control"));
      return /^oom_kill [1-9]/m.test(control);
    },
    remove: () => removeFolders(foldersOf(id)),
  });
  return {
    version: "v1",
    open,
    async make(id, limits) {
      const [inMemory, inPids, inCpu] = foldersOf(id);
      for (const folder of foldersOf(id)) await makeFolder(folder);
      await writeFile(join(inMemory!, "memory.limit_in_bytes"), String(limits.memory_bytes));
      // Memory and swap together; absent where swap is not accounted.
      await writeIfPresent(
        join(inMemory!, "memory.memsw.limit_in_bytes"),
        String(limits.memory_bytes),
      );
      await writeFile(join(inPids!, "pids.max"), String(limits.processes));
      await writeFile(
        join(inCpu!, "cpu.shares"),
        String(Math.max(2, Math.round((limits.cpu_weight / 100) * 1024))),
      );
      return open(id);
    },
  };
}

async function v1Parent(controller: string, own: Map<string, string>): Promise<string> {
  const path = own.get(controller) ?? "/";
  const parent = join(ROOT, controller, path, GROUP);
  await makeFolder(parent);
  return parent;
}

async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    if (systemCode(error) !== "EEXIST") throw error;
  }
}

async function removeFolders(folders: string[]): Promise<boolean> {
  let gone = true;
  for (const folder of folders) {
    try {
      await rmdir(folder);
    } catch (error) {
      const code = systemCode(error);
      if (code === "EBUSY") gone = false;
      else if (code !== "ENOENT") throw error;
    }
  }
  return gone;
}

async function readIfPresent(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (systemCode(error) === "ENOENT") return "";
    throw error;
  }
}

async function writeIfPresent(path: string, text: string): Promise<void> {
  try {
    await writeFile(path, text, { flag: "r+" });
  } catch (error) {
    const code = systemCode(error);
    if (code !== "ENOENT" && code !== "EACCES" && code !== "EOPNOTSUPP") throw error;
  }
}
