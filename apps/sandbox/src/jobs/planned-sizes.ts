/**
 * Relations as large as their statistics say, without a row in them. The planner takes the number of pages from the file
 * and only the rows per page from the statistics, so that statistics which were imported count for nothing in a table
 * without pages. Files of an instance that is thrown away are lengthened by holes: no byte of disk is taken.
 */
import { constants } from "node:fs";
import { chown, open } from "node:fs/promises";
import { join } from "node:path";
import { Client } from "pg";
import type { Instance } from "../instances/instances.ts";

const PAGE = 8_192;
/** PostgreSQL keeps a relation in files of a GiB. */
const SEGMENT_BYTES = 1024 ** 3;
/** Of an instance: each is a file, and 8 TiB of them are made in a second. */
const MAX_SEGMENTS = 8_192;

type Relation = { path: string; relpages: number };

/** Lengthens the files of every database of `instance`, the largest first. Throws what the server or the disk says. */
export async function growToStatistics(instance: Instance): Promise<void> {
  // Whoever is a superuser could have put a link in the place of a file.
  if (instance.environment.superuser) throw new Error("a superuser's files are left as they are");
  const databases = await ask<{ name: string }>(
    instance,
    instance.database,
    `select datname as name from pg_catalog.pg_database
      where datallowconn and not datistemplate and datname <> 'postgres' order by oid`,
  );
  const relations: Relation[] = [];
  for (const { name } of databases) relations.push(...(await ask<Relation>(instance, name, GROWN)));
  relations.sort((one, other) => other.relpages - one.relpages);
  let left = MAX_SEGMENTS;
  for (const { path, relpages } of relations) {
    if (!/^base\/\d+\/\d+$/.test(path))
      throw new Error(`a relation is not where it should be: ${path}`);
    const bytes = Math.min(relpages * PAGE, left * SEGMENT_BYTES);
    left -= Math.ceil(bytes / SEGMENT_BYTES);
    await lengthen(join(instance.directory, path), bytes);
  }
}

const GROWN = `select pg_catalog.pg_relation_filepath(oid) as path, relpages from pg_catalog.pg_class
  where relkind in ('r', 'm', 'i') and oid >= 16384 and relpages > 0
    and relpages > pg_catalog.pg_relation_size(oid) / ${PAGE}`;

async function ask<T extends object>(
  instance: Instance,
  database: string,
  statement: string,
): Promise<T[]> {
  const { socket_dir: host, port, owner } = instance;
  const client = new Client({ host, port, database, user: owner.user });
  client.on("error", () => {
    // The query that is under way tells.
  });
  await client.connect();
  try {
    return (await client.query<T>(statement)).rows;
  } finally {
    await client.end();
  }
}

/** The server reads a segment only where the one before it is full. */
async function lengthen(path: string, bytes: number): Promise<void> {
  let owner: { uid: number; gid: number } | undefined;
  for (let segment = 0; segment * SEGMENT_BYTES < bytes; segment += 1) {
    const name = segment === 0 ? path : `${path}.${segment}`;
    const create = segment === 0 ? 0 : constants.O_CREAT;
    const file = await open(name, constants.O_RDWR | constants.O_NOFOLLOW | create, 0o600);
    try {
      await file.truncate(Math.min(SEGMENT_BYTES, bytes - segment * SEGMENT_BYTES));
      owner ??= await file.stat();
    } finally {
      await file.close();
    }
    if (segment > 0) await chown(name, owner.uid, owner.gid);
  }
}
