import type { JobInput } from "@quern/contract/job-input";
import type { Job } from "@quern/contract/jobs";

/** What makes the same job again; null when its files were sent along and only the server has them. */
export function sameJob(job: Job): JobInput | null {
  const shared: JobInput = {
    ...(job.type === "run" ? {} : { type: job.type }),
    ...(job.head_path === null ? {} : { head_path: job.head_path }),
    ...(job.head_sql === null ? {} : { head_sql: job.head_sql }),
    ...(Object.keys(job.variables).length === 0 ? {} : { variables: job.variables }),
    ...(Object.keys(job.environment).length === 0 ? {} : { environment: job.environment }),
    limits: job.limits,
  };
  if (job.type === "diff" || job.type === "import" || job.project?.edited) return null;
  if (job.project)
    return { project_id: job.project.id, project_version: job.project.version, ...shared };
  if (job.head_path === null && job.state_key !== null) {
    const { environment: _, ...rest } = shared;
    return { state_key: job.state_key, ...rest };
  }
  return null;
}

/** A command that makes the same job over the API from a POSIX shell, with a token in `QUERN_TOKEN`. */
export function curlOfJob(input: JobInput, origin: string): string {
  return [
    `curl -sS ${quote(`${origin}/api/v1/jobs`)}`,
    '  -H "Authorization: Bearer $QUERN_TOKEN"',
    "  -H 'Content-Type: application/json'",
    `  -d ${quote(JSON.stringify(input))}`,
  ].join(" \\\n");
}

/** The same from a folder with the project's files, with Quern's own command. */
export function commandOfJob(job: Pick<Job, "head_path" | "variables" | "type">): string | null {
  if (job.head_path === null) return null;
  const variables = Object.entries(job.variables).map(
    ([name, value]) => ` -v ${quote(`${name}=${value}`)}`,
  );
  const verb = job.type === "plan" ? "plan" : "run";
  return `quern project ${verb} . --head ${quote(job.head_path)}${variables.join("")}`;
}

function quote(text: string): string {
  return /^[\w./:=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
