import { z } from "zod";
import { Environment, Variables } from "./environment.ts";
import { JobStatus, SnapshotHit } from "./job-status.ts";
import { PersonRef } from "./members.ts";
import { HexKey, Tree, TreeInput } from "./project-tree.ts";
import { route } from "./route.ts";
import { cursor, id, instant, name, page, text, wholeNumber } from "./text.ts";

export const MAX_MANIFEST_BYTES = 256 * 1024;

/** What `quern.project.json` says: order, phases, siblings, checkpoints. The planner reads it; see docs/projects.md. */
export const Manifest = z
  .record(text(100), z.json())
  .refine((manifest) => JSON.stringify(manifest).length <= MAX_MANIFEST_BYTES, {
    message: "must be at most 256 KiB",
  })
  .meta({ id: "Manifest" });
export type Manifest = z.infer<typeof Manifest>;

/** What lists say of a project. */
export const ProjectSummary = z
  .strictObject({
    id,
    name: z.string(),
    description: z.string(),
    version: z.number().int().describe("Counts saves of files, manifest, variables, environment"),
    files: z.number().int(),
    bytes: z.number().int().describe("Of all files"),
    environment: Environment,
    groups: z.array(z.strictObject({ id, name: z.string() })).describe("Who it is granted to"),
    last_job: z
      .strictObject({
        id,
        status: JobStatus,
        head_path: z.string().nullable(),
        hit: SnapshotHit.nullable(),
        created_at: instant,
        duration_ms: z.number().nullable().describe("From queued to ended; null while it goes on"),
      })
      .nullable()
      .describe("The newest job of it that you may see"),
    created_by: PersonRef.nullable(),
    created_at: instant,
    updated_by: PersonRef.nullable(),
    updated_at: instant,
  })
  .meta({ id: "ProjectSummary" });
export type ProjectSummary = z.infer<typeof ProjectSummary>;

export const Project = ProjectSummary.extend({
  tree: Tree,
  manifest: Manifest.nullable().describe("null: the file quern.project.json of the tree, if any"),
  variables: Variables.describe("Values that jobs have unless they say otherwise"),
}).meta({ id: "Project" });
export type Project = z.infer<typeof Project>;

export const ProjectVersion = z
  .strictObject({
    version: z.number().int(),
    message: z.string(),
    files: z.number().int(),
    bytes: z.number().int(),
    created_by: PersonRef.nullable(),
    created_at: instant,
  })
  .meta({ id: "ProjectVersion" });
export type ProjectVersion = z.infer<typeof ProjectVersion>;

const content = {
  description: text(10_000),
  project_tree: TreeInput,
  manifest: Manifest.nullable(),
  variables: Variables,
  environment: Environment,
  message: text(1000).describe("What this save is about, for the list of versions"),
  group_ids: z.array(id).max(1000).describe("Groups it is granted to"),
};

const byId = z.strictObject({ id });
const tag = "projects";

export const listProjects = route({
  operation: "listProjects",
  summary: "Projects that you may see, the last changed first",
  tag,
  method: "GET",
  path: "/api/v1/projects",
  query: z.strictObject({
    search: text(200).optional().describe("In name and description"),
    created_by: id.optional(),
    status: JobStatus.optional().describe("Of the last job"),
    limit: wholeNumber({ min: 1, max: 200 }).optional(),
    cursor,
  }),
  replies: { 200: page(ProjectSummary) },
});

export const readProject = route({
  operation: "readProject",
  summary: "One project with its tree, as it is now or in an earlier version",
  tag,
  method: "GET",
  path: "/api/v1/projects/:id",
  params: byId,
  query: z.strictObject({ version: wholeNumber({ min: 1, max: 1_000_000_000 }).optional() }),
  replies: { 200: Project },
});

export const createProject = route({
  operation: "createProject",
  summary: "Save a tree of files as a project",
  tag,
  method: "POST",
  path: "/api/v1/projects",
  body: z.strictObject({ name, ...z.strictObject(content).partial().shape }),
  replies: { 201: Project },
});

export const changeProject = route({
  operation: "changeProject",
  summary:
    "Change a project: what is left out stays, a tree is sent whole. `version` is the one that was changed",
  tag,
  method: "PATCH",
  path: "/api/v1/projects/:id",
  params: byId,
  body: z.strictObject({
    version: z.number().int().min(1),
    name: name.optional(),
    ...z.strictObject(content).partial().shape,
  }),
  replies: { 200: Project },
});

export const deleteProject = route({
  operation: "deleteProject",
  summary: "Delete a project; it can be restored for a while",
  tag,
  method: "DELETE",
  path: "/api/v1/projects/:id",
  params: byId,
  replies: { 204: z.null() },
});

export const restoreProject = route({
  operation: "restoreProject",
  summary: "Bring back a deleted project",
  tag,
  method: "POST",
  path: "/api/v1/projects/:id/restore",
  params: byId,
  replies: { 200: Project },
});

export const duplicateProject = route({
  operation: "duplicateProject",
  summary: "Make another project of it, granted to nobody else",
  tag,
  method: "POST",
  path: "/api/v1/projects/:id/duplicate",
  params: byId,
  body: z.strictObject({ name, version: z.number().int().min(1).optional() }),
  replies: { 201: Project },
});

export const listProjectVersions = route({
  operation: "listProjectVersions",
  summary: "Every save, the newest first",
  tag,
  method: "GET",
  path: "/api/v1/projects/:id/versions",
  params: byId,
  query: z.strictObject({ limit: wholeNumber({ min: 1, max: 200 }).optional(), cursor }),
  replies: { 200: page(ProjectVersion) },
});

/** States that jobs of a project went through: each once, with the one before it. */
export const ProjectStates = z
  .strictObject({
    states: z.array(
      z.strictObject({
        state_key: HexKey,
        parent_key: HexKey.nullable().describe("null: the empty database"),
        path: z.string().describe("The file that makes it"),
        depth: z.number().int().describe("Files up to it, itself counted in"),
        jobs: z.number().int().describe("Of the jobs looked at, how many went through it"),
      }),
    ),
    heads: z.array(
      z.strictObject({
        job_id: id,
        head_path: z.string().nullable().describe("null: SQL typed in"),
        state_key: HexKey.nullable(),
        status: JobStatus,
        hit: SnapshotHit.nullable(),
        created_at: instant,
      }),
    ),
  })
  .meta({ id: "ProjectStates" });
export type ProjectStates = z.infer<typeof ProjectStates>;

export const readProjectStates = route({
  operation: "readProjectStates",
  summary:
    "The states that the newest jobs of a project went through, as a tree of shared prefixes",
  tag,
  method: "GET",
  path: "/api/v1/projects/:id/states",
  params: byId,
  query: z.strictObject({
    jobs: wholeNumber({ min: 1, max: 100 }).optional().describe("20 when left out"),
  }),
  replies: { 200: ProjectStates },
});

export const importProject = route({
  operation: "importProject",
  summary: "Make the files of a git repository the project's files, as a new version",
  tag,
  method: "POST",
  path: "/api/v1/projects/:id/import",
  params: byId,
  body: z.strictObject({
    version: z.number().int().min(1).describe("The one that is changed"),
    url: text(2000).describe("https, public, without a user name or password in it"),
    ref: text(128)
      .regex(/^[A-Za-z0-9._][A-Za-z0-9._/-]*$/, "must be a branch or a tag")
      .optional()
      .describe("A branch or a tag; the repository's default branch when left out"),
    folder: text(1024).optional().describe("Only what is below it, which becomes the root"),
    message: content.message.optional(),
  }),
  replies: {
    200: z.strictObject({
      project: Project,
      commit: z.string().describe("Of the repository"),
      skipped: z
        .array(z.strictObject({ path: z.string(), reason: z.string() }))
        .describe("Files that were left out, and why"),
    }),
  },
});
