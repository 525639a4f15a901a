/** What this machine and this installation offer to instances, found out once at start. */

import { execFile } from "node:child_process";
import { access, constants, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { installedEngines, type PackagedEngine } from "@quern/postmaster/engines";
import { type OsUser, serverUser } from "@quern/postmaster/os-user";
import { type CloneAbilities, type CloneBackend, probeClones } from "../clones/backend.ts";
import { SandboxError } from "../sandbox-error.ts";
import { type Cgroups, openCgroups } from "./cgroup.ts";
import { describeExtensions, type Possibilities } from "./environment.ts";
import type { Isolation } from "./launch.ts";
import type { InstanceLimits } from "./limits.ts";
import { openUids, type Uids, uidRange } from "./uids.ts";

const run = promisify(execFile);

export type MachineOptions = {
  /** Of the sandbox: instances live in `instances/`, what is to be deleted in `trash/`. */
  folder: string;
  clone: CloneBackend | "auto";
  /** Such as `70000-70255`. */
  uids: string;
  /** Whether an admin lets environments ask for a superuser. */
  allow_superuser: boolean;
  limits: InstanceLimits;
  /** Where the digests of the server binaries are remembered; by default in the folder. */
  digests?: string;
  /** False: no uids, namespaces or groups even where they are possible (a test of the ordinary user's case). */
  isolate?: boolean;
};

export type Machine = Possibilities & {
  instances_dir: string;
  trash_dir: string;
  packaged: PackagedEngine[];
  /** Who initdb runs as, since it insists on a user with a name; null: ourselves. */
  base_user: OsUser | null;
  isolation: Isolation;
  uids: Uids | null;
  cgroups: Cgroups | null;
  clones: CloneAbilities;
  clone_wanted: CloneBackend | "auto";
  limits: InstanceLimits;
};

/** Throws SandboxError when QUERN_SANDBOX_CLONE names a way that the folder does not offer. */
export async function lookAround(options: MachineOptions): Promise<Machine> {
  const { folder, isolate = true } = options;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const instances_dir = join(folder, "instances");
  const trash_dir = join(folder, "trash");
  for (const path of [instances_dir, trash_dir])
    await mkdir(path, { recursive: true, mode: 0o700 });
  await spreadOut(instances_dir);
  const base_user = await serverUser(null);
  const isolation = await findIsolation(isolate);
  const range = uidRange(options.uids);
  const uids = isolation.uids ? openUids(range.first, range.last, "/run/quern-sandbox-uids") : null;
  const clones = await probeClones(folder, uids === null ? null : range.first);
  checkWanted(options.clone, clones);
  const copies = base_user === null ? folder : "/var/lib/quern";
  const packaged = await installedEngines(
    base_user,
    copies,
    options.digests ?? join(folder, "engines"),
  );
  const found = isolate ? await openCgroups() : { cgroups: null, why: "switched off" };
  if (found.cgroups === null) isolation.notes.push(`no memory limit of the kernel: ${found.why}`);
  return {
    instances_dir,
    trash_dir,
    packaged,
    base_user,
    isolation,
    uids,
    cgroups: found.cgroups,
    clones,
    clone_wanted: options.clone,
    limits: options.limits,
    engines: packaged.map((one) => ({
      major: one.binaries.major,
      version: one.package_version.replace(/^(\d+\.\d+).*$/, "$1"),
      digest: one.digest,
      extensions: describeExtensions(one.extensions, isolation.network),
    })),
    network: isolation.network,
    no_superuser: whyNoSuperuser(isolation, options.allow_superuser),
  };
}

/**
 * ext4 does not use an inode again soon after its file was deleted, and looks at each such inode whenever it makes a
 * file near them: with clones coming and going, making one took 0.75 s of system time. Folders below a "top" folder are
 * put far from each other, and it takes 0.09 s. Other file systems do not know the flag and do not need it.
 */
async function spreadOut(path: string): Promise<void> {
  if (process.platform === "linux") await works(["chattr", "+T", path]);
}

function whyNoSuperuser(isolation: Isolation, allowed: boolean): string | null {
  if (!isolation.uids || !isolation.network) {
    return "A superuser could leave a sandbox that has no user and no network namespace of its own, which this machine does not give. Leave superuser out, or run the sandbox as root on Linux.";
  }
  return allowed
    ? null
    : "Superusers in sandboxes are switched off here. An admin can allow them with QUERN_SANDBOX_SUPERUSER=1.";
}

function checkWanted(wanted: CloneBackend | "auto", found: CloneAbilities): void {
  if (wanted === "auto" || wanted === "copy" || found[wanted]) return;
  throw new SandboxError(
    "instance_failed",
    `QUERN_SANDBOX_CLONE=${wanted} is not possible in this folder (${found.note}). Use auto or copy, or put QUERN_DATA_DIR elsewhere.`,
  );
}

async function findIsolation(isolate: boolean): Promise<Isolation> {
  const notes: string[] = [];
  if (!isolate || process.platform !== "linux") {
    notes.push("instances share this process's user and network");
    return { uids: false, network: false, setpriv: false, notes };
  }
  const setpriv = await isThere("/usr/bin/setpriv");
  if (!setpriv) notes.push("util-linux is missing: instances may outlive this process by seconds");
  const root = process.getuid?.() === 0;
  const uids = root && setpriv && (await works(CHANGE_OWNER));
  if (!uids) notes.push("instances run as one user: the sandbox is not root");
  const network = uids && (await works(["unshare", "--net", "--ipc", "--", "true"]));
  if (uids && !network) notes.push("no network namespaces: CAP_SYS_ADMIN is missing");
  return { uids, network, setpriv, notes };
}

/** What a clone needs: become somebody else, and yet read the layer. */
const CHANGE_OWNER = [
  ...["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"],
  ...["--inh-caps=-all,+dac_override", "--ambient-caps=-all,+dac_override", "--", "true"],
];

async function works([command, ...args]: string[]): Promise<boolean> {
  try {
    await run(command!, args);
    return true;
  } catch (error) {
    // Not there, or it ended with a status.
    if (error instanceof Error && "code" in error) return false;
    throw error;
  }
}

async function isThere(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
