/** Makes the first state of an environment: an empty cluster with its settings, roles, database and extensions. */
import { chown, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { startProgram } from "@quern/postmaster/spawn";
import { Client, escapeIdentifier } from "pg";
import { SandboxError } from "../sandbox-error.ts";
import { preloadOf } from "./extensions.ts";
import type { ResolvedEnvironment } from "./instances.ts";
import type { Machine } from "./machine.ts";
import { makeSocketFolder } from "./place.ts";
import { configurationText, initdbArguments, profileOf, READER, SUPERUSER } from "./profile.ts";
import { PORT, startServer } from "./server.ts";

/** `directory` must not exist, its parent must. Throws SandboxError; the caller removes `directory` then. */
export async function makeBase(
  machine: Machine,
  environment: ResolvedEnvironment,
  directory: string,
  signal?: AbortSignal,
): Promise<void> {
  const user = machine.base_user;
  await mkdir(directory, { mode: 0o700 });
  if (user !== null) await chown(directory, user.uid, user.gid);
  await initialise(machine, environment, directory);
  signal?.throwIfAborted();
  await writeConfiguration(machine, environment, directory);
  const socketDir = await makeSocketFolder();
  try {
    if (user !== null) await chown(socketDir, user.uid, user.gid);
    // The user that initdb needs may own other processes too, so nothing is ever killed by it: uid null, and
    // started as that user by the launcher.
    const server = await startServer(
      machine,
      {
        data: directory,
        socket_dir: socketDir,
        uid: user?.uid ?? null,
        // Other processes may run as the user with a name that initdb insists on.
        exclusive: false,
        cgroup: null,
      },
      environment,
      "base",
      machine.limits,
      signal,
    );
    try {
      await furnish(socketDir, environment);
      await server.stopClean();
    } catch (error) {
      await server.kill("destroyed", "the base could not be made");
      throw error;
    }
  } finally {
    await rm(socketDir, { recursive: true, force: true });
  }
  await rm(join(directory, "postmaster.opts"), { force: true });
}

async function initialise(
  machine: Machine,
  { engine }: ResolvedEnvironment,
  directory: string,
): Promise<void> {
  const { binaries } = machine.packaged.find((one) => one.digest === engine.digest)!;
  const lines: string[] = [];
  const { exited } = await startProgram({
    command: binaries.initdb,
    args: (dir) => ["-D", dir, ...initdbArguments(engine.major, process.platform)],
    dataDir: directory,
    user: machine.base_user,
    onLine: (line) => lines.push(line),
  });
  const { code } = await exited;
  if (code === 0) return;
  const said = lines.slice(-8).join("\n");
  throw /No space left on device|Disk quota exceeded/.test(said)
    ? new SandboxError("disk_full", "The disk of the sandbox is full. Free some space on it.")
    : new SandboxError(
        "instance_failed",
        `initdb of PostgreSQL ${engine.version} failed:\n${said}`,
      );
}

async function writeConfiguration(
  machine: Machine,
  { engine, settings, extensions }: ResolvedEnvironment,
  directory: string,
): Promise<void> {
  const preload = preloadOf(extensions.map(({ name }) => name));
  const all = {
    ...profileOf(engine.major),
    ...settings,
    ...(preload !== "" && { shared_preload_libraries: preload }),
  };
  const path = join(directory, "postgresql.conf");
  await writeFile(path, configurationText(all));
  const user = machine.base_user;
  if (user !== null) await chown(path, user.uid, user.gid);
}

async function furnish(socketDir: string, environment: ResolvedEnvironment): Promise<void> {
  const { engine, extensions, superuser } = environment;
  await asUser(socketDir, SUPERUSER, "postgres", roleStatements(engine.major, superuser));
  if (engine.major < 15) {
    await asUser(socketDir, SUPERUSER, "template1", ["alter schema public owner to owner"]);
  }
  await asUser(socketDir, SUPERUSER, "postgres", ["create database project owner owner"]);
  const create = ({ name }: { name: string }) => `create extension ${escapeIdentifier(name)}`;
  // One connection each for the two kinds, in the order of requirements: a trusted one belongs to `owner`.
  for (const extension of extensions) {
    const user = extension.trusted ? "owner" : SUPERUSER;
    await asUser(socketDir, user, "project", [create(extension), ...grantsOf(extension.name)]);
  }
}

function roleStatements(major: number, superuser: boolean): string[] {
  // Before 16 a role that makes roles can make one that runs programs.
  const createrole = major >= 16 ? "createrole" : "nocreaterole";
  return [
    `create role owner login createdb ${createrole} ${superuser ? "superuser" : "nosuperuser"} noreplication nobypassrls`,
    `create role ${READER} login nosuperuser bypassrls connection limit 4`,
    major >= 14 ? `grant pg_read_all_data to ${READER}` : `grant owner to ${READER}`,
    `grant pg_read_all_settings to ${READER}`,
    // Restoring data of a dump switches triggers off.
    ...(major >= 15 ? ["grant set on parameter session_replication_role to owner"] : []),
  ];
}

function grantsOf(extension: string): string[] {
  return extension === "postgres_fdw"
    ? ["grant usage on foreign data wrapper postgres_fdw to owner"]
    : [];
}

async function asUser(
  socketDir: string,
  user: string,
  database: string,
  statements: string[],
): Promise<void> {
  const client = new Client({ host: socketDir, port: PORT, user, database });
  client.on("error", () => {
    // The query that is under way tells.
  });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}
