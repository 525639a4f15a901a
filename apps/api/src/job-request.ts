/** From a job as it is asked for to one that can be stored. */
import type { Environment, Variables } from "@quern/contract/environment";
import type { JobInput, StateSource } from "@quern/contract/job-input";
import type { TreeInput } from "@quern/contract/project-tree";
import type { Settings } from "@quern/contract/settings";
import type { Actor } from "@quern/store/actor";
import type { Database } from "@quern/store/db";
import { readJobFiles } from "@quern/store/job-history";
import { resolveJobLimits } from "@quern/store/job-limits";
import { refuseMissingHead } from "@quern/store/job-parts";
import type { JobSpec, SideSpec } from "@quern/store/job-spec";
import type { NewJob } from "@quern/store/jobs";
import { listMembers } from "@quern/store/members";
import { readRunnable } from "@quern/store/projects";
import { storeTree, type TreeFiles } from "@quern/store/trees";
import { ApiError, notFound } from "./problems.ts";

/**
 * What somebody must be allowed to who wants this job. Whoever sees a project may run its heads with values of their own; SQL, files
 * and another environment are for those who write SQL.
 */
export function neededForJob(body: JobInput) {
  const { project_id } = body;
  const on = project_id === undefined ? {} : { on: { type: "project" as const, id: project_id } };
  return { action: asSaved(body) ? ("jobs.create" as const) : ("jobs.create_sql" as const), ...on };
}

function asSaved(body: JobInput): boolean {
  const { type = "run" } = body;
  const { head_sql, environment, keep, order, volatile } = body;
  const own = [head_sql, environment, keep, order, volatile].some((each) => each !== undefined);
  return (
    body.project_id !== undefined &&
    body.project_tree === undefined &&
    body.files_of === undefined &&
    !own &&
    body.no_cache !== true &&
    (type === "run" || type === "plan")
  );
}

type Source = {
  tree: Buffer | null;
  files: TreeFiles | null;
  project: { id: string; version: number } | null;
  manifest: Record<string, unknown> | null;
  variables: Variables;
  environment: Environment;
  /** What of the job whose files these are holds for every job of them. */
  of: Pick<JobSpec, "planned_sizes" | "rows_copied">;
};

/**
 * Stores the trees and says what the job is. Call it in the transaction that makes the job. Throws `ApiError` and `Conflict`: a limit above its
 * maximum, unsound paths, missing files, a missing head, a project that the actor may not see.
 */
export async function resolveJob(
  trx: Database,
  actor: Actor,
  settings: Settings,
  body: JobInput,
): Promise<Omit<NewJob, "traceparent" | "http_request_id" | "trigger">> {
  const source = await resolveSource(trx, actor, body, "body");
  const { of } = source;
  const limits = resolveJobLimits(body, settings, of.rows_copied);
  if (of.rows_copied) refuseKeeping(body);
  const left = body.left && (await resolveSource(trx, actor, body.left, "body.left"));
  const right = body.right && (await resolveSource(trx, actor, body.right, "body.right"));
  const { type = "run", head_path = null, head_sql = null } = body;
  if (!body.assemble) refuseMissingHead({ type, head_path, head_sql }, source.files);
  const { instance } = body;
  return {
    type,
    assembled: body.assemble !== true,
    user_id: await forWhom(trx, actor, body.user_id),
    request_id: body.request_id ?? null,
    project: source.project,
    tree: source.tree,
    left_tree: left?.tree ?? null,
    right_tree: right?.tree ?? null,
    manifest: source.manifest,
    head_path,
    head_sql,
    variables: source.variables,
    environment: source.environment,
    policy: {
      volatile: body.volatile ?? null,
      no_cache: of.rows_copied ?? body.no_cache ?? false,
      keep: body.keep ?? "auto",
      order: body.order ?? null,
    },
    spec: {
      ...of,
      ...(body.state_key === undefined ? {} : { state_key: body.state_key }),
      ...(type === "instance"
        ? { instance: { name: instance?.name ?? null, ttl_s: instance?.ttl ?? null } }
        : {}),
      ...(left ? { left: sideOf(body.left!, left, "body.left") } : {}),
      ...(right ? { right: sideOf(body.right!, right, "body.right") } : {}),
    },
    ...limits,
    telemetry_context: body.telemetry_context ?? {},
    asked: {
      ...body,
      project_tree: hexOf(body.project_tree, source),
      left: body.left && { ...body.left, project_tree: hexOf(body.left.project_tree, left) },
      right: body.right && { ...body.right, project_tree: hexOf(body.right.project_tree, right) },
    },
  };
}

/** These are kept as layers, which others may find. */
function refuseKeeping({ type = "run" }: JobInput): void {
  if (type === "run" || type === "plan") return;
  throw new ApiError(
    "not_allowed",
    "The files of this job have rows that were copied from a database for it alone. They can be run and planned again; nothing that is kept can be made of them.",
  );
}

function hexOf(sent: TreeInput | undefined, source: Source | undefined): string | undefined {
  return sent === undefined ? undefined : source?.tree?.toString("hex");
}

async function resolveSource(
  trx: Database,
  actor: Actor,
  from: StateSource | JobInput,
  at: string,
): Promise<Source> {
  const own = { variables: from.variables ?? {}, environment: from.environment ?? {} };
  if (from.project_id !== undefined) {
    const found = await readRunnable(trx, actor, from.project_id, from.project_version);
    if (!found) throw notFound("project, or no such version of it");
    const sent = (await filesOf(trx, actor, from, at)) ?? {
      digest: found.tree,
      files: found.files,
      of: {},
    };
    return {
      tree: sent.digest,
      ...{ files: sent.files, of: sent.of },
      project: { id: found.id, version: found.version },
      manifest: found.manifest,
      variables: { ...found.variables, ...own.variables },
      environment: textSettings({ ...found.environment, ...own.environment }),
    };
  }
  const environment = textSettings(own.environment);
  const none = { project: null, manifest: null, variables: own.variables, environment };
  const tree = await filesOf(trx, actor, from, at);
  return { tree: tree?.digest ?? null, files: tree?.files ?? null, of: tree?.of ?? {}, ...none };
}

/** What was sent along, or stands with an earlier job; null when neither is asked for. */
async function filesOf(
  trx: Database,
  actor: Actor,
  from: StateSource | JobInput,
  at: string,
): Promise<(Pick<Source, "of"> & { digest: Buffer; files: TreeFiles }) | null> {
  if (from.project_tree !== undefined) {
    const { digest, files } = await storeTree(trx, actor, from.project_tree, `${at}.project_tree`);
    return { digest, files, of: {} };
  }
  if (!("files_of" in from) || from.files_of === undefined) return null;
  const found = await readJobFiles(trx, actor, from.files_of);
  if (found) {
    const { digest, files, spec } = found;
    return { digest, files, of: heldBy(spec, from) };
  }
  throw new ApiError(
    "not_found",
    "The job whose files were asked for is not there, or has none. Jobs are deleted when their time is up: send the files instead.",
    [{ path: `${at}.files_of`, message: "is no job with files that you see" }],
  );
}

/** Tables have their planned sizes for the head that was written for it. */
function heldBy({ planned_sizes, rows_copied }: JobSpec, body: JobInput): Source["of"] {
  const asItWas = body.head_sql === undefined && body.environment?.superuser !== true;
  return {
    ...(planned_sizes && asItWas ? { planned_sizes } : {}),
    ...(rows_copied ? { rows_copied } : {}),
  };
}

/** `false` and `"false"` are one setting: one spelling makes one state. */
function textSettings(environment: Environment): Environment {
  const { settings } = environment;
  if (settings === undefined) return environment;
  const texts = Object.entries(settings).map(([name, value]) => [name, String(value)]);
  return { ...environment, settings: Object.fromEntries(texts) };
}

function sideOf(asked: StateSource, source: Source, at: string): SideSpec {
  const head_path = asked.head_path ?? null;
  refuseMissingHead({ type: "diff", head_path, head_sql: null }, source.files, `${at}.head_path`);
  return {
    state_key: asked.state_key ?? null,
    project_id: source.project?.id ?? null,
    project_version: source.project?.version ?? null,
    manifest: source.manifest,
    head_path,
    variables: source.variables,
    environment: source.environment,
  };
}

async function forWhom(trx: Database, actor: Actor, userId: string | undefined): Promise<string> {
  if (userId === undefined || userId === actor.user_id) return actor.user_id;
  if (actor.role !== "admin") {
    throw new ApiError(
      "not_allowed",
      "user_id may be your own, or anybody's when you are an admin.",
    );
  }
  const [member] = await listMembers(trx, actor.org_id, userId);
  if (member && member.status !== "deactivated") return userId;
  throw new ApiError("invalid_request", "user_id is no member of the organisation.", [
    { path: "body.user_id", message: "is no member" },
  ]);
}
