import { MAX_TREE_BODY_BYTES } from "@quern/contract/project-tree";
import {
  changeProject,
  createProject,
  deleteProject,
  duplicateProject,
  listProjects,
  listProjectVersions,
  readProject,
  readProjectStates,
  restoreProject,
} from "@quern/contract/projects";
import type { Actor } from "@quern/store/actor";
import { recordAudit } from "@quern/store/audit";
import { type Database, inTransaction } from "@quern/store/db";
import * as changes from "@quern/store/project-changes";
import * as states from "@quern/store/project-states";
import * as projects from "@quern/store/projects";
import { storeTree } from "@quern/store/trees";
import type { FastifyInstance } from "fastify";
import type { Api } from "../api.ts";
import { notFound } from "../problems.ts";
import { serve } from "../serve.ts";

const PAGE = 50;
/** Of requests that carry files. */
export const TREE_BODY = { bodyLimit: MAX_TREE_BODY_BYTES };

export function addProjectRoutes(app: FastifyInstance, api: Api): void {
  const on = (id: string) => ({ type: "project" as const, id });
  const written = (id: string) => ({ action: "projects.write" as const, on: on(id) });
  const entry = (deed: string, id: string, details?: Record<string, unknown>) => ({
    action: `project.${deed}`,
    resource_type: "project",
    resource_id: id,
    ...(details ? { details } : {}),
  });

  serve(app, api, listProjects, { action: "projects.read" }, async ({ actor, query }) =>
    projects.listProjects(api.db, actor, { ...query, limit: query.limit ?? PAGE }),
  );

  serve(
    app,
    api,
    readProject,
    // What reads it asks whether the actor may see it: once is enough.
    { action: "projects.read" },
    async ({ actor, params, query }) => existing(api.db, actor, params.id, query.version),
  );

  serve(
    app,
    api,
    createProject,
    { action: "projects.write" },
    async ({ actor, body, origin }) =>
      inTransaction(api.db, async (trx) => {
        const tree = await storeTree(trx, actor, body.project_tree ?? {});
        const { name, description, group_ids, message } = body;
        const { manifest = null, variables = {}, environment = {} } = body;
        const content = { tree: tree.digest, manifest, variables, environment };
        const label = { name, description, group_ids };
        const id = await changes.createProject(trx, actor, content, label, message);
        const details = { name, files: tree.file_count, ...(group_ids ? { group_ids } : {}) };
        await recordAudit(trx, actor, origin, entry("created", id, details));
        return existing(trx, actor, id);
      }),
    TREE_BODY,
  );

  serve(
    app,
    api,
    changeProject,
    ({ params }) => written(params.id),
    async ({ actor, params: { id }, body, origin }) =>
      inTransaction(api.db, async (trx) => {
        const { version, project_tree, manifest, variables, environment, message, ...label } = body;
        const change = {
          ...(project_tree === undefined
            ? {}
            : { tree: (await storeTree(trx, actor, project_tree)).digest }),
          ...(manifest === undefined ? {} : { manifest }),
          ...(variables === undefined ? {} : { variables }),
          ...(environment === undefined ? {} : { environment }),
        };
        const saved = await changes.changeProject(trx, actor, id, version, change, label, message);
        if (saved === undefined) throw notFound("project");
        const changed = [...Object.keys(change), ...Object.keys(label)];
        const details = { version: saved, changed, ...groupsOf(label) };
        await recordAudit(trx, actor, origin, entry("changed", id, details));
        return existing(trx, actor, id);
      }),
    TREE_BODY,
  );

  serve(
    app,
    api,
    deleteProject,
    ({ params }) => written(params.id),
    async ({ actor, params: { id }, origin }) =>
      inTransaction(api.db, async (trx) => {
        await changes.deleteProject(trx, actor, id);
        await recordAudit(trx, actor, origin, entry("deleted", id));
        return null;
      }),
  );

  serve(
    app,
    api,
    restoreProject,
    ({ params }) => ({
      action: "projects.write",
      on: { type: "deleted_project", id: params.id },
    }),
    async ({ actor, params: { id }, origin }) =>
      inTransaction(api.db, async (trx) => {
        await changes.restoreProject(trx, actor, id);
        await recordAudit(trx, actor, origin, entry("restored", id));
        return existing(trx, actor, id);
      }),
  );

  serve(
    app,
    api,
    duplicateProject,
    ({ params }) => written(params.id),
    async ({ actor, params, body, origin }) =>
      inTransaction(api.db, async (trx) => {
        const id = await changes.duplicateProject(trx, actor, params.id, body.name, body.version);
        if (id === undefined) throw notFound("version of the project");
        await recordAudit(trx, actor, origin, entry("created", id, { copy_of: params.id }));
        return existing(trx, actor, id);
      }),
  );

  serve(
    app,
    api,
    listProjectVersions,
    ({ params }) => ({ action: "projects.read", on: on(params.id) }),
    async ({ params, query }) =>
      projects.listProjectVersions(api.db, params.id, { ...query, limit: query.limit ?? PAGE }),
  );

  serve(
    app,
    api,
    readProjectStates,
    ({ params }) => ({ action: "projects.read", on: on(params.id) }),
    async ({ actor, params, query }) =>
      states.readProjectStates(api.db, actor, params.id, query.jobs ?? 20),
  );
}

function groupsOf({ group_ids }: { group_ids?: string[] | undefined }) {
  return group_ids === undefined ? {} : { group_ids };
}

/** The project for a reply; it is there, or the problem is thrown. */
export async function existing(db: Database, actor: Actor, id: string, version?: number) {
  const project = await projects.readProject(db, actor, id, version);
  if (!project) throw notFound(version === undefined ? "project" : "version of the project");
  return project;
}
