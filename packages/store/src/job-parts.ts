/**
 * Jobs that are sent in parts. Each part is a tree of its own; all of them together are the job's files when it is run. While parts
 * arrive, a sandbox may make the states of what is there: that is a hint, which holds up nothing.
 */
import { createHash, randomUUID } from "node:crypto";
import type { Environment } from "@quern/contract/environment";
import type { JobStatus } from "@quern/contract/job-status";
import type { TreeInput } from "@quern/contract/project-tree";
import { sql } from "kysely";
import type { Actor } from "./actor.ts";
import { Conflict } from "./conflict.ts";
import { type Database, inTransaction } from "./db.ts";
import { nextStage } from "./job-progress.ts";
import type { JobPolicy } from "./job-spec.ts";
import { keepTree, refuseUnsound, storeTree, type TreeFiles } from "./trees.ts";

type Assembling = {
  status: JobStatus;
  assembled: boolean;
  parts_ended: boolean;
  org_id: string;
  tree: Buffer | null;
};

export type PartsSoFar = { parts: number; files: number; bytes: number };

/**
 * Appends part `seq`, the next one. The same part again changes nothing. Throws `Conflict`: `part_out_of_order`, `part_mismatch`,
 * `job_started`, `invalid_tree` (a path that came before), `source_inputs_missing`. Undefined when there is no such job.
 */
export async function appendPart(
  db: Database,
  actor: Actor,
  id: string,
  part: { seq: number; project_tree: TreeInput; last: boolean },
): Promise<PartsSoFar | undefined> {
  return inTransaction(db, async (trx) => {
    const job = await lockJob(trx, id);
    if (!job) return undefined;
    const before = await soFar(trx, id, job);
    // Contents are stored first, since the part is the same whether it says contents or etags.
    const tree = await storeTree(trx, actor, part.project_tree);
    const hash = createHash("sha256").update(tree.digest).update(`${part.last}`).digest();
    const earlier = before.hashes.get(part.seq);
    if (earlier) {
      if (earlier.equals(hash)) return before.sums;
      throw new Conflict(
        "part_mismatch",
        `Part ${part.seq} came before with other files. A part cannot be changed: append the next one, or make a new job.`,
      );
    }
    if (job.assembled || job.status !== "pending") throw started();
    refuseDisorder(job, before.sums.parts, part.seq);
    refuseRepeated(before.paths, tree.files);
    refuseUnsound([...before.paths, ...Object.keys(tree.files)], "body.project_tree");
    await sql`
      insert into job_parts (job_id, seq, hash, org_id, tree, files, bytes)
      values (${id}, ${part.seq}, ${hash}, ${job.org_id}, ${tree.digest}, ${tree.file_count}, ${tree.bytes})`.execute(
      trx,
    );
    await sql`
      with told as (
        update jobs set parts_ended = ${part.last} where id = ${id} returning id
      )
      select pg_notify('quern_jobs', ''), pg_notify('quern_job_events', id::text) from told`.execute(
      trx,
    );
    const { parts, files, bytes } = before.sums;
    return { parts: parts + 1, files: files + tree.file_count, bytes: bytes + tree.bytes };
  });
}

function started(): Conflict {
  return new Conflict(
    "job_started",
    "The job has been run already. Make a new job for more files.",
  );
}

async function lockJob(trx: Database, id: string): Promise<Assembling | undefined> {
  const { rows } = await sql<Assembling>`
    select status, assembled, parts_ended, org_id, tree from jobs where id = ${id} for no key update`.execute(
    trx,
  );
  return rows[0];
}

function refuseDisorder(job: Assembling, parts: number, seq: number): void {
  if (job.parts_ended) {
    throw new Conflict("part_out_of_order", `Part ${parts} was said to be the last one.`);
  }
  if (seq === parts + 1) return;
  throw new Conflict(
    "part_out_of_order",
    `Part ${seq} cannot follow part ${parts}: send part ${parts + 1} first.`,
    [{ path: "body.seq", message: `must be ${parts + 1}` }],
  );
}

function refuseRepeated(before: readonly string[], files: TreeFiles): void {
  const known = new Set(before);
  const again = Object.keys(files).filter((path) => known.has(path));
  if (again.length === 0) return;
  throw new Conflict(
    "invalid_tree",
    `${JSON.stringify(again[0])} came in an earlier part. A file cannot be replaced: make a new job.`,
    again.slice(0, 100).map((path) => ({
      path: `body.project_tree.${path}`,
      message: "came in an earlier part",
    })),
  );
}

async function soFar(trx: Database, id: string, job: Assembling) {
  const { rows } = await sql<{ seq: number; hash: Buffer; files: TreeFiles; bytes: number }>`
    select job_parts.seq, job_parts.hash, trees.files, job_parts.bytes
    from job_parts join trees on trees.org_id = job_parts.org_id and trees.digest = job_parts.tree
    where job_parts.job_id = ${id} order by job_parts.seq`.execute(trx);
  const { rows: base } = await sql<{ files: TreeFiles; bytes: number }>`
    select files, bytes from trees where org_id = ${job.org_id} and digest = ${job.tree}`.execute(
    trx,
  );
  const all = [...base, ...rows];
  const paths = all.flatMap(({ files }) => Object.keys(files));
  const bytes = all.reduce((sum, each) => sum + each.bytes, 0);
  return {
    hashes: new Map(rows.map(({ seq, hash }) => [seq, hash])),
    paths,
    files: Object.assign(Object.create(null), ...all.map(({ files }) => files)) as TreeFiles,
    sums: { parts: rows.length, files: paths.length, bytes },
  };
}

/**
 * Runs a job that was sent in parts: from now on it waits to be claimed. Throws `Conflict`: `job_started`, `missing_head`. Undefined
 * when there is no such job.
 */
export async function runAssembled(
  db: Database,
  id: string,
  head: {
    head_path?: string | undefined;
    head_sql?: string | undefined;
    variables?: Record<string, string> | undefined;
  },
): Promise<JobStatus | undefined> {
  return inTransaction(db, async (trx) => {
    const job = await lockJob(trx, id);
    if (!job) return undefined;
    if (job.assembled || job.status !== "pending") throw started();
    const { files } = await soFar(trx, id, job);
    const tree = await keepTree(trx, job.org_id, files);
    const { rows } = await sql<{ type: string; head_path: string | null; head_sql: string | null }>`
      update jobs set
        assembled = true, parts_ended = true, queued_at = clock_timestamp(), tree = ${tree.digest},
        head_path = ${head.head_sql === undefined ? sql`coalesce(${head.head_path ?? null}, head_path)` : null},
        head_sql = ${head.head_path === undefined ? sql`coalesce(${head.head_sql ?? null}, head_sql)` : null},
        variables = variables || ${JSON.stringify(head.variables ?? {})}::jsonb,
        ${nextStage("queued")}
      where id = ${id}
      returning type, head_path, head_sql, pg_notify('quern_jobs', ''), pg_notify('quern_job_events', id::text)`.execute(
      trx,
    );
    refuseMissingHead(rows[0]!, files);
    return "pending";
  });
}

/** Throws `Conflict` (`missing_head`) when a job has no head and needs one, or names a file that is not there. */
export function refuseMissingHead(
  job: { type: string; head_path: string | null; head_sql: string | null },
  files: TreeFiles | null,
  at = "body.head_path",
): void {
  const { head_path } = job;
  if (head_path === null && (job.head_sql !== null || job.type !== "run")) return;
  if (head_path !== null && (files === null || Object.hasOwn(files, head_path))) return;
  const message =
    head_path === null
      ? "A run needs a head: say head_path, the path of a file, or head_sql."
      : `There is no file ${JSON.stringify(head_path)} in the project. Name one of its files.`;
  throw new Conflict("missing_head", message, [
    { path: at, message: head_path === null ? "is missing" : "is not a file of the project" },
  ]);
}

/** A job whose parts are arriving, and all files of it that are there. */
export type Prebuild = {
  id: string;
  org_id: string;
  token: string;
  /** Parts that are in `tree`. */
  parts: number;
  tree: TreeFiles;
  manifest: Record<string, unknown> | null;
  head_path: string | null;
  variables: Record<string, string>;
  environment: Environment;
  policy: JobPolicy;
  traceparent: string | null;
  http_request_id: string | null;
};

/** Takes up to `max` jobs of which parts arrived that nobody has made states of, for `lease_ms`. */
export async function claimPrebuilds(
  db: Database,
  sandbox: string,
  options: { max: number; lease_ms: number },
): Promise<Prebuild[]> {
  return inTransaction(db, async (trx) => {
    const { rows } = await sql<Omit<Prebuild, "token" | "parts" | "tree"> & Assembling>`
      select id, org_id, tree, status, assembled, parts_ended, manifest, head_path, variables, environment, policy,
        traceparent, http_request_id
      from jobs
      where status = 'pending' and not assembled
        and (prebuild is null or (prebuild ->> 'until')::timestamptz < clock_timestamp())
        and (select count(*) from job_parts where job_parts.job_id = jobs.id) > coalesce((prebuild ->> 'parts')::integer, 0)
      order by created_at
      limit ${options.max}
      for no key update skip locked`.execute(trx);
    const claimed: Prebuild[] = [];
    for (const { tree, status, assembled, parts_ended, ...job } of rows) {
      const token = randomUUID();
      const there = await soFar(trx, job.id, {
        tree,
        status,
        assembled,
        parts_ended,
        org_id: job.org_id,
      });
      await sql`
        update jobs set prebuild = jsonb_build_object('sandbox', ${sandbox}::text, 'token', ${token}::text,
          'until', clock_timestamp() + ${options.lease_ms} * interval '1 millisecond',
          'parts', coalesce((prebuild ->> 'parts')::integer, 0))
        where id = ${job.id}`.execute(trx);
      claimed.push({ ...job, token, parts: there.sums.parts, tree: there.files });
    }
    return claimed;
  });
}

/** Goes on for `lease_ms`. False: the job was run, canceled or taken over; stop. */
export async function renewPrebuild(
  db: Database,
  job: { id: string; token: string },
  leaseMs: number,
): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update jobs set prebuild = prebuild || jsonb_build_object(
      'until', clock_timestamp() + ${leaseMs} * interval '1 millisecond')
    where id = ${job.id} and prebuild ->> 'token' = ${job.token} and status = 'pending' and not assembled`.execute(
    db,
  );
  return numAffectedRows === 1n;
}

/** The states of the first `parts` parts are made, or cannot be: the next part is worth another look. */
export async function endPrebuild(
  db: Database,
  job: { id: string; token: string },
  parts: number,
): Promise<void> {
  await sql`
    update jobs set prebuild = jsonb_build_object('parts', ${parts}::integer, 'until', now())
    where id = ${job.id} and prebuild ->> 'token' = ${job.token}`.execute(db);
}
