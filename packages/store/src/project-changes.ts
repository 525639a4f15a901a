/** Saving projects. Each save of files, manifest, variables or environment is a version; name, description and grants are not versioned. */
import type { Environment, Variables } from "@quern/contract/environment";
import type { Manifest } from "@quern/contract/projects";
import { sql } from "kysely";
import type { Actor } from "./actor.ts";
import { Conflict } from "./conflict.ts";
import { type Database, inTransaction } from "./db.ts";
import { setGrants, visibleDeletedProject, visibleProject } from "./grants.ts";

export type ProjectContent = {
  /** A stored tree. */
  tree: Buffer;
  manifest: Manifest | null;
  variables: Variables;
  environment: Environment;
};

export type ProjectLabel = {
  name?: string | undefined;
  description?: string | undefined;
  group_ids?: readonly string[] | undefined;
};

/** Saves a new project as its version 1, granted to the groups that are said, and returns its id. */
export async function createProject(
  db: Database,
  actor: Actor,
  content: ProjectContent,
  label: ProjectLabel & { name: string },
  message = "",
): Promise<string> {
  return inTransaction(db, async (trx) => {
    const { rows } = await sql<{ id: string }>`
      insert into projects (org_id, name, description, created_by, updated_by)
      values (${actor.org_id}, ${label.name}, ${label.description ?? ""}, ${actor.user_id}, ${actor.user_id})
      returning id`.execute(trx);
    const id = rows[0]!.id;
    await insertVersion(trx, actor, id, 1, content, message);
    if (label.group_ids) await setGrants(trx, actor, { type: "project", id }, label.group_ids);
    return id;
  });
}

type Current = ProjectContent & {
  version: number;
  created_by: string | null;
  saver: string | null;
  saved_at: Date;
};

/**
 * Saves a change: of content as the next version. `basedOn` is the version the person saw; when another save came in between
 * it throws `Conflict` (`version_conflict`), which says who and when. Returns the version that it is now; undefined when the actor sees
 * no such project.
 */
export async function changeProject(
  db: Database,
  actor: Actor,
  id: string,
  basedOn: number,
  change: Partial<ProjectContent>,
  label: ProjectLabel,
  message = "",
): Promise<number | undefined> {
  return inTransaction(db, async (trx) => {
    const current = await lockCurrent(trx, actor, id);
    if (!current) return undefined;
    if (current.version !== basedOn) throw savedInBetween(current, basedOn);
    demandMaySayWhoSees(actor, current.created_by, label);
    const version = current.version + (Object.keys(change).length > 0 ? 1 : 0);
    await sql`
      update projects set version = ${version}, name = coalesce(${label.name ?? null}, name),
        description = coalesce(${label.description ?? null}, description),
        updated_by = ${actor.user_id}, updated_at = now()
      where id = ${id}`.execute(trx);
    if (version !== current.version) {
      const { tree, manifest, variables, environment } = { ...current, ...change };
      await insertVersion(
        trx,
        actor,
        id,
        version,
        { tree, manifest, variables, environment },
        message,
      );
    }
    if (label.group_ids) await setGrants(trx, actor, { type: "project", id }, label.group_ids);
    return version;
  });
}

async function lockCurrent(trx: Database, actor: Actor, id: string): Promise<Current | undefined> {
  const { rows } = await sql<Current>`
    select projects.version, projects.created_by, versions.tree, versions.manifest, versions.variables, versions.environment,
      users.name as saver, versions.created_at as saved_at
    from projects
    join project_versions as versions on versions.project_id = projects.id and versions.version = projects.version
    left join users on users.id = versions.created_by
    where projects.id = ${id} and ${visibleProject(actor)}
    for update of projects`.execute(trx);
  return rows[0];
}

function savedInBetween({ version, saver, saved_at }: Current, basedOn: number): Conflict {
  const when = `${saved_at.toISOString().slice(0, 16).replace("T", " ")} UTC`;
  return new Conflict(
    "version_conflict",
    `${saver ?? "Somebody"} saved version ${version} of this project at ${when}, while you changed version ${basedOn}. Load it, save yours on top of it, or save yours as a copy.`,
  );
}

function demandMaySayWhoSees(
  actor: Actor,
  maker: string | null,
  { group_ids }: ProjectLabel,
): void {
  if (group_ids === undefined || actor.role === "admin" || actor.user_id === maker) return;
  throw new Conflict(
    "not_allowed",
    "Only the person who made this project, or an admin, says who sees it.",
  );
}

async function insertVersion(
  trx: Database,
  actor: Actor,
  id: string,
  version: number,
  content: ProjectContent,
  message: string,
): Promise<void> {
  await sql`
    insert into project_versions (project_id, version, org_id, tree, manifest, variables, environment, message, created_by)
    values (${id}, ${version}, ${actor.org_id}, ${content.tree},
      ${content.manifest === null ? null : JSON.stringify(content.manifest)}::jsonb,
      ${JSON.stringify(content.variables)}::jsonb, ${JSON.stringify(content.environment)}::jsonb, ${message}, ${actor.user_id})`.execute(
    trx,
  );
}

/** Takes a project away; its versions stay for a while, and its jobs as long as they do. */
export async function deleteProject(db: Database, actor: Actor, id: string): Promise<void> {
  await sql`
    update projects set deleted_at = now() where id = ${id} and ${visibleProject(actor)}`.execute(
    db,
  );
}

export async function restoreProject(db: Database, actor: Actor, id: string): Promise<void> {
  await sql`
    update projects set deleted_at = null, updated_at = now(), updated_by = ${actor.user_id}
    where id = ${id} and ${visibleDeletedProject(actor)}`.execute(db);
}

/** Makes another project of a version, the present one when left out; undefined when there is no such version. */
export async function duplicateProject(
  db: Database,
  actor: Actor,
  id: string,
  name: string,
  version?: number,
): Promise<string | undefined> {
  return inTransaction(db, async (trx) => {
    const { rows } = await sql<ProjectContent & { description: string }>`
      select versions.tree, versions.manifest, versions.variables, versions.environment, projects.description
      from projects
      join project_versions as versions on versions.project_id = projects.id
        and versions.version = ${version === undefined ? sql`projects.version` : version}
      where projects.id = ${id} and ${visibleProject(actor)}
      for key share of projects`.execute(trx);
    if (!rows[0]) return undefined;
    const { description, ...content } = rows[0];
    return createProject(trx, actor, content, { name, description });
  });
}
