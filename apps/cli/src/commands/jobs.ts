import { type LogLine, readJobLogs } from "@quern/contract/job-logs";
import { ENDED, JobStatus } from "@quern/contract/job-status";
import { extendJob, type Job, type JobSummary, listJobs, readJob } from "@quern/contract/jobs";
import { EXIT, UsageError } from "../faults.ts";
import { listTable } from "../formats/table.ts";
import { duration, parseDuration, parseNumber, relative } from "../formats/times.ts";
import { findProject } from "../jobs/asked.ts";
import { chainTable } from "../jobs/chain.ts";
import { cancel } from "../jobs/create.ts";
import { followJob } from "../jobs/follow.ts";
import { costWords, errorWords, exitOf, LOG_CHOICES, logWords } from "../jobs/show.ts";
import { command } from "./command.ts";

const asIs = (path: string) => path;

export const jobsList = command({
  name: ["jobs", "list"],
  takes: "",
  count: { min: 0, max: 0 },
  summary: "Jobs that you may see, the newest first",
  options: {
    status: { type: "string", choices: JobStatus.options, words: "With this status" },
    active: { type: "boolean", words: "That go on, or wait" },
    project: { type: "string", value: "NAME", words: "Of a saved project" },
    limit: { type: "string", short: "n", value: "N", words: "So many; 20 when left out" },
    json: { type: "boolean", words: "As JSON" },
  },
  async run({ options, context: { client, terminal } }) {
    const limit = parseNumber("limit", options.limit ?? "20", { min: 1, max: 200 });
    const project =
      options.project === undefined ? null : await findProject({ client }, options.project);
    const { items } = await client.call(listJobs, {
      query: {
        limit,
        ...(options.status === undefined ? {} : { status: options.status }),
        ...(options.active ? { active: "true" as const } : {}),
        ...(project === null ? {} : { project_id: project.id }),
      },
    });
    if (options.json) await terminal.out(`${JSON.stringify(items, null, 2)}\n`);
    else await terminal.out(listTable(HEADS, items.map(jobRow), terminal.colours.out));
    return EXIT.ok;
  },
});

const HEADS = ["id", "type", "status", "project", "head", "cache", "time", "created"];

function jobRow(job: JobSummary): string[] {
  const status = ENDED.includes(job.status) ? job.status : `${job.status} (${job.stage})`;
  return [
    job.id,
    job.type,
    job.error_code === null ? status : `${status} (${job.error_code})`,
    job.project?.name ?? "",
    job.head_path ?? "",
    job.hit ?? "",
    job.duration_ms === null ? "" : duration(job.duration_ms),
    relative(job.created_at),
  ];
}

export const jobsShow = command({
  name: ["jobs", "show"],
  takes: "ID",
  count: { min: 1, max: 1 },
  summary: "One job: what it came to, its chain of files, its error",
  options: { json: { type: "boolean", words: "As JSON, with all that is known" } },
  async run({ options, positionals, context: { client, terminal } }) {
    const job = await client.call(readJob, { params: { id: positionals[0]! } });
    if (options.json) await terminal.out(`${JSON.stringify(job, null, 2)}\n`);
    else await terminal.out(jobWords(job, terminal.colours.out));
    return EXIT.ok;
  },
});

function jobWords(job: Job, colours: Parameters<typeof chainTable>[1]): string {
  const ended = ENDED.includes(job.status);
  const facts: [string, string | null][] = [
    ["job", job.id],
    ["type", job.type],
    [
      "status",
      ended ? `${job.status}, ${costWords(job)}` : `${job.status} (${job.progress.stage})`,
    ],
    [
      "project",
      job.project === null ? null : `${job.project.name}, version ${job.project.version}`,
    ],
    ["head", job.head_path],
    [
      "created",
      `${relative(job.created_at)}${job.created_by === null ? "" : ` by ${job.created_by.name}`}`,
    ],
    ["kept until", job.expires_at],
    ["tail hash", job.tail_hash],
    ["state", job.state_key],
    ["run", job.run_id],
    ["sandbox", job.sandbox],
  ];
  const known = facts.filter((fact): fact is [string, string] => fact[1] !== null);
  const lines = known.map(([name, value]) => `${colours.dim(name.padEnd(11))}${value}`);
  const steps = job.steps.length === 0 ? "" : `\n${chainTable(job.steps, colours)}`;
  const error = job.error === null ? "" : `\n${errorWords(job.error, asIs, colours)}\n`;
  return `${lines.join("\n")}\n${steps}${error}`;
}

export const jobsLogs = command({
  name: ["jobs", "logs"],
  takes: "ID",
  count: { min: 1, max: 1 },
  summary: "The log of a job",
  options: {
    follow: {
      type: "boolean",
      short: "f",
      words: "Go on until the job ends; Ctrl-C leaves it alone",
    },
    log: { type: "string", choices: LOG_CHOICES, words: "From this level on; info when left out" },
    json: { type: "boolean", words: "A line of JSON each" },
  },
  async run({ options, positionals, context }) {
    const [id] = positionals as [string];
    const { client, terminal, interrupts } = context;
    const level = options.log ?? "info";
    const print = (line: LogLine) => {
      if (LOG_CHOICES.indexOf(line.level) < LOG_CHOICES.indexOf(level)) return;
      const text = options.json
        ? JSON.stringify(line)
        : `${terminal.colours.out.dim(`${line.at} ${line.level.padEnd(5)}`)} ${logWords(line, asIs)}`;
      void terminal.out(`${text}\n`);
    };
    if (options.follow) {
      // Whoever looks on does not end it: Ctrl-C is theirs alone.
      const leaving = new AbortController();
      interrupts.take(() => process.exit(EXIT.ok));
      const onlooker = { ...context, interrupts: { ...interrupts, signal: leaving.signal } };
      return exitOf(await followJob(onlooker, id, { log: print }));
    }
    for (let after = 0; ; ) {
      const { items, next_after } = await client.call(readJobLogs, {
        params: { id },
        query: { after, limit: 1000 },
      });
      for (const line of items) print(line);
      if (items.length === 0) return EXIT.ok;
      after = next_after;
    }
  },
});

export const jobsCancel = command({
  name: ["jobs", "cancel"],
  takes: "ID…",
  count: { min: 1, max: 100 },
  summary: "Cancel jobs; one that has ended stays as it is",
  options: {},
  async run({ positionals, context }) {
    for (const id of positionals) {
      await cancel(context, id);
      context.terminal.say(`${id}: canceled, or about to be`);
    }
    return EXIT.ok;
  },
});

export const jobsExtend = command({
  name: ["jobs", "extend"],
  takes: "ID",
  count: { min: 1, max: 1 },
  summary: "Keep a job, or the state of its tail, for longer",
  options: {
    job: { type: "string", value: "TIME", words: "The job, from now on, as 2h or 7d" },
    snapshot: { type: "string", value: "TIME", words: "Its state, from now on" },
  },
  async run({ options, positionals, context: { client, terminal } }) {
    if (options.job === undefined && options.snapshot === undefined)
      throw new UsageError("Say for how long: --job TIME, --snapshot TIME, or both");
    const seconds = (name: "job" | "snapshot") =>
      options[name] === undefined
        ? undefined
        : Math.ceil(parseDuration(name, options[name]) / 1000);
    const [job_ttl, snapshot_ttl] = [seconds("job"), seconds("snapshot")];
    const job = await client.call(extendJob, {
      params: { id: positionals[0]! },
      body: {
        ...(job_ttl === undefined ? {} : { job_ttl }),
        ...(snapshot_ttl === undefined ? {} : { snapshot_ttl }),
      },
    });
    terminal.say(`Kept until ${job.expires_at}`);
    return EXIT.ok;
  },
});
