import { z } from "zod";
import { Limits } from "./datasources.ts";
import { Environment, Variables } from "./environment.ts";
import { JobType } from "./job-status.ts";
import { HexKey, TreeInput, TreePath } from "./project-tree.ts";
import { id, name, text } from "./text.ts";

const seconds = z.number().int().min(1);
const headSql = text(1_000_000).min(1);

/** One side of a diff: a known state, or what the tail of a head in a tree makes. */
export const StateSource = z
  .strictObject({
    state_key: HexKey.optional(),
    project_id: id.optional(),
    project_version: z.number().int().min(1).optional(),
    project_tree: TreeInput.optional(),
    head_path: TreePath.optional().describe(
      "The state before this file; after all files when left out",
    ),
    variables: Variables.optional(),
    environment: Environment.optional(),
  })
  .refine((source) => countSources(source) === 1, {
    message: "send one of state_key, project_id and project_tree",
  })
  .meta({ id: "StateSource" });
export type StateSource = z.infer<typeof StateSource>;

const JobFields = z.strictObject({
  request_id: text(200)
    .min(1)
    .optional()
    .describe("Chosen by the caller: the same one answers with the first job"),
  user_id: id.optional().describe("For whom: yourself, or anybody when you are an admin"),
  type: JobType.optional().describe("run when left out"),
  project_id: id.optional(),
  project_version: z.number().int().min(1).optional().describe("The newest when left out"),
  project_tree: TreeInput.optional().describe(
    "All files. With project_id: those of the project as they are being edited, in place of the saved ones",
  ),
  files_of: id
    .optional()
    .describe("In place of project_tree: a job that you see, whose files these are"),
  assemble: z
    .boolean()
    .optional()
    .describe("Parts follow by append; the job is run by run, not at once"),
  state_key: HexKey.optional().describe("A known state to start from, in place of files"),
  head_path: TreePath.optional().describe("The file whose rows are the result"),
  head_sql: headSql.optional().describe("Or its text"),
  variables: Variables.optional(),
  environment: Environment.optional(),
  volatile: z
    .enum(["pin", "deny", "nocache"])
    .optional()
    .describe("Of states whose files call now() and such: kept as first made, refused, made anew"),
  no_cache: z.boolean().optional().describe("Looks up nothing: every file is run"),
  keep: z
    .enum(["auto", "all", "tail"])
    .optional()
    .describe("Which states are kept: those worth it, all, or only the last"),
  order: z.enum(["phases", "linear"]).optional().describe("phases, or what the manifest says"),
  limits: Limits.partial().optional().describe("timeout_ms is that of each file, head included"),
  timeout_ms: Limits.shape.timeout_ms.optional().describe("The same as limits.timeout_ms"),
  job_ttl: seconds.optional().describe("Seconds that the job is kept"),
  snapshot_ttl: seconds.optional().describe("Seconds that its state is kept at least, once unused"),
  instance: z
    .strictObject({ name: name.optional(), ttl: seconds.optional() })
    .optional()
    .describe("Of type instance"),
  left: StateSource.optional().describe("Of type diff"),
  right: StateSource.optional().describe("Of type diff"),
  telemetry_context: z
    .record(text(100), text(500))
    .refine((context) => Object.keys(context).length <= 20, "must have at most 20 entries")
    .optional()
    .describe("Kept with the job, in its traces and in webhooks"),
});
type Fields = z.infer<typeof JobFields>;

/** A job as it is asked for. Not `JobInput` in OpenAPI: that is the name that it gives to a `Job` which is sent. */
export const JobInput = JobFields.superRefine((body, context) => {
  for (const { path, message } of troublesOf(body))
    context.addIssue({ code: "custom", path, message });
}).meta({ id: "NewJob" });
export type JobInput = z.infer<typeof JobInput>;

type Sources = {
  state_key?: unknown;
  project_id?: unknown;
  project_tree?: unknown;
  files_of?: unknown;
};

function countSources({ state_key, project_id, project_tree, files_of }: Sources): number {
  return [state_key, project_id, project_tree ?? files_of].filter((each) => each !== undefined)
    .length;
}

type Trouble = { path: string[]; message: string };

function troublesOf(body: Fields): Trouble[] {
  const troubles: Trouble[] = [];
  const refuse = (message: string, ...path: string[]) => troubles.push({ path, message });
  const { type = "run" } = body;
  if (type === "diff") {
    for (const side of ["left", "right"] as const)
      if (body[side] === undefined) refuse("is what a diff compares: send left and right", side);
    if (countSources(body) > 0 || body.assemble)
      refuse("a diff has left and right, and no files of its own");
  } else {
    if (body.left ?? body.right) refuse("send left and right with the type diff only", "left");
    refuseSources(body, refuse);
  }
  if (body.head_path !== undefined && body.head_sql !== undefined)
    refuse("send head_path or head_sql, not both", "head_sql");
  if (
    type === "run" &&
    !body.assemble &&
    body.head_path === undefined &&
    body.head_sql === undefined
  )
    refuse("a run needs a head: the path of a file, or head_sql", "head_path");
  if (body.timeout_ms !== undefined && body.limits?.timeout_ms !== undefined)
    refuse("send timeout_ms or limits.timeout_ms, not both", "timeout_ms");
  if (body.instance && type !== "instance") refuse("goes with the type instance", "instance");
  if (body.project_version !== undefined && body.project_id === undefined)
    refuse("goes with project_id", "project_version");
  return troubles;
}

function refuseSources(body: Fields, refuse: (message: string, ...path: string[]) => void): void {
  const { type = "run" } = body;
  const sources = countSources(body);
  if (body.assemble) {
    if (body.project_id ?? body.state_key ?? body.files_of)
      refuse(
        "a job that is sent in parts has no project_id, no state_key and no files_of",
        "assemble",
      );
    if (type !== "run" && type !== "plan")
      refuse("only runs and plans are sent in parts", "assemble");
    return;
  }
  if (body.project_tree !== undefined && body.files_of !== undefined)
    refuse("send project_tree or files_of, not both", "files_of");
  const edited = sources === 2 && body.state_key === undefined;
  if (sources !== 1 && !edited)
    refuse("send one of project_tree, files_of, project_id and state_key; or assemble, and parts");
  if ((type === "export" || type === "import") && body.state_key === undefined)
    refuse(`is what an ${type} is about`, "state_key");
  if (body.state_key !== undefined && body.head_path !== undefined)
    refuse("a known state has no files: send head_sql", "head_path");
}
