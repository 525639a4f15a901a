/**
 * Which extensions a project may have. Those that PostgreSQL trusts to the owner of a database need nothing; of the
 * others only these, which reach neither files nor programs nor, without a network namespace, other machines.
 */
import type { ExtensionControl } from "@quern/postmaster/extension-controls";
import { SandboxError } from "../sandbox-error.ts";

/** Made by the superuser in the base, because their scripts have functions in C. */
const ALLOWED = new Set(
  [
    "amcheck autoinc bloom btree_gin btree_gist citext cube dict_int dict_xsyn earthdistance",
    "fuzzystrmatch hstore insert_username intagg intarray isn lo ltree moddatetime pg_buffercache",
    "pg_freespacemap pg_stat_statements pg_trgm pg_visibility pgcrypto pgrowlocks pgstattuple refint",
    "seg tablefunc tcn tsm_system_rows tsm_system_time unaccent uuid-ossp",
  ]
    .join(" ")
    .split(" "),
);
/** They connect to other servers: allowed where a network namespace leaves nobody to connect to. */
const CONNECTING = new Set(["dblink", "postgres_fdw"]);
/** They need a library of their own in every process from the start. */
const PRELOADED = new Set(["pg_stat_statements"]);

export function isAllowed(name: string, network: boolean): boolean {
  return ALLOWED.has(name) || (network && CONNECTING.has(name));
}

export function preloadOf(names: string[]): string {
  return names.filter((name) => PRELOADED.has(name)).join(",");
}

/**
 * The extensions asked for and those that they require, each before whatever requires it. `network`: whether instances
 * have a network namespace of their own. Throws SandboxError unknown_extension.
 */
export function resolveExtensions(
  asked: string[],
  installed: ExtensionControl[],
  network: boolean,
): { name: string; version: string; trusted: boolean }[] {
  const ordered = new Map<string, { name: string; version: string; trusted: boolean }>();
  const add = (name: string) => {
    if (name === "plpgsql" || ordered.has(name)) return;
    const control = installed.find((candidate) => candidate.name === name);
    if (control === undefined) {
      const near = installed.filter((one) => isAllowed(one.name, network)).map((one) => one.name);
      throw new SandboxError(
        "unknown_extension",
        `This PostgreSQL has no extension ${name}. It has: ${near.join(", ")}.`,
      );
    }
    if (!isAllowed(name, network)) throw refused(name);
    for (const required of control.requires) add(required);
    ordered.set(name, { name, version: control.default_version, trusted: control.trusted });
  };
  for (const name of [...new Set(asked)].sort()) add(name);
  return [...ordered.values()];
}

function refused(name: string): SandboxError {
  return new SandboxError(
    "unknown_extension",
    CONNECTING.has(name)
      ? `The extension ${name} connects to other servers, which a sandbox without a network namespace of its own cannot contain. Leave it out, or run the sandbox as root on Linux.`
      : `The extension ${name} reaches files or programs of the machine, and sandboxes do without it. Leave it out.`,
  );
}
