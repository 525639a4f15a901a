import type { JobInput } from "@quern/contract/job-input";
import type { Job } from "@quern/contract/jobs";

/**
 * What makes the same job again, of the files that the server has; null for what is not made of one tree, and for what the person
 * may not ask for. Who does not write SQL may run saved files as they are saved.
 */
export function sameJob(job: Job, writesSql: boolean): JobInput | null {
  if (job.type === "diff" || job.type === "import" || !job.assembled) return null;
  const { environment, ...shared } = askedOf(job);
  if (job.project) {
    const { id: project_id, version: project_version, edited } = job.project;
    const saved = { project_id, project_version, ...shared };
    const isSaved = !edited && job.head_sql === null && ["run", "plan"].includes(job.type);
    if (!writesSql) return isSaved ? saved : null;
    return { ...saved, ...(edited && { files_of: job.id }), ...(environment && { environment }) };
  }
  if (!writesSql) return null;
  if (job.has_files) return { files_of: job.id, ...shared, ...(environment && { environment }) };
  return job.state_key === null ? null : { state_key: job.state_key, ...shared };
}

function askedOf(job: Job): JobInput {
  return {
    ...(job.type === "run" ? {} : { type: job.type }),
    ...(job.head_path === null ? {} : { head_path: job.head_path }),
    ...(job.head_sql === null ? {} : { head_sql: job.head_sql }),
    ...(Object.keys(job.variables).length === 0 ? {} : { variables: job.variables }),
    ...(Object.keys(job.environment).length === 0 ? {} : { environment: job.environment }),
    limits: job.limits,
  };
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
