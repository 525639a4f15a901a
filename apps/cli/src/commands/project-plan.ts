import { type Job, readJob } from "@quern/contract/jobs";
import { EXIT } from "../faults.ts";
import { findSource, headIn, JOB_OPTIONS, stateOf, workOf } from "../jobs/asked.ts";
import { chainTable, planWords } from "../jobs/chain.ts";
import { startJob } from "../jobs/create.ts";
import { followJob } from "../jobs/follow.ts";
import { exitOf, placesOf, showProgress } from "../jobs/show.ts";
import { type Call, command } from "./command.ts";
import { sayError } from "./project-run.ts";

const OPTIONS = {
  head: {
    type: "string",
    value: "FILE",
    words: "The chain up to this file; of all files when left out",
  },
  ...JOB_OPTIONS,
  json: { type: "boolean", words: "The steps as JSON" },
} as const;

export const projectPlan = command({
  name: ["project", "plan"],
  takes: "[PATH]",
  count: { min: 0, max: 1 },
  summary: "Say what a run would take from the cache and what it would run; nothing is run",
  options: OPTIONS,
  async run(call) {
    const job = await planned(call);
    if (job.status !== "completed") return exitOf(job);
    const { terminal } = call.context;
    if (call.options.json) await terminal.out(stepsJson(job));
    else {
      const waiting = job.steps.filter(({ outcome, path }) => outcome !== "hit" && path !== "");
      await terminal.out(`${planWords(job)}\n`);
      for (const { path } of waiting) await terminal.out(`  ${path}\n`);
    }
    return EXIT.ok;
  },
});

export const projectExplain = command({
  name: ["project", "explain"],
  takes: "[PATH]",
  count: { min: 0, max: 1 },
  summary: "Say of each file whether its state is in the cache, and why not",
  details:
    "With --job it explains a job that has ended: what was taken from the cache then, what was built and how long each file took.",
  options: {
    ...OPTIONS,
    job: { type: "string", value: "ID", words: "Explain this job, not a folder" },
  },
  async run(call) {
    const { terminal } = call.context;
    const job =
      call.options.job === undefined
        ? await planned(call)
        : await call.context.client.call(readJob, { params: { id: call.options.job } });
    if (call.options.job === undefined && job.status !== "completed") return exitOf(job);
    if (call.options.json) await terminal.out(stepsJson(job));
    else {
      await terminal.out(chainTable(job.steps, terminal.colours.out));
      if (call.options.job === undefined) await terminal.out(`\n${planWords(job)}\n`);
    }
    return EXIT.ok;
  },
});

async function planned({ options, context, positionals }: Call<typeof OPTIONS>): Promise<Job> {
  const source = await findSource(context, positionals[0], options.project);
  const state = { ...stateOf(options, context.environment), ...workOf(options) };
  const head = options.head === undefined ? {} : { head_path: headIn(source, options.head) };
  const id = await startJob(context, source, { type: "plan", ...state, ...head });
  const places = placesOf(source, context.folder);
  const progress = showProgress(context, "warn", places);
  const job = await followJob(context, id, progress).finally(progress.end);
  sayError(context, job, places);
  return job;
}

function stepsJson({ tail_hash, state_key, steps }: Job): string {
  return `${JSON.stringify({ tail_hash, state_key, steps }, null, 2)}\n`;
}
