import type { Job } from "@quern/contract/jobs";
import { EXIT, type Exit, UsageError } from "../faults.ts";
import { watchFolder } from "../folder/watch.ts";
import { LIMIT_OPTIONS, printRun, ROW_OPTIONS, rowLimits } from "../formats/print.ts";
import type { Rows } from "../formats/rows.ts";
import { parseDuration } from "../formats/times.ts";
import { findSource, headIn, JOB_OPTIONS, type Source, stateOf, workOf } from "../jobs/asked.ts";
import { type Asked, startJob } from "../jobs/create.ts";
import { followJob } from "../jobs/follow.ts";
import {
  annotation,
  costWords,
  errorWords,
  exitOf,
  LOG_CHOICES,
  placeOf,
  placesOf,
  showProgress,
} from "../jobs/show.ts";
import { type Call, type Context, command, type Values } from "./command.ts";

const OPTIONS = {
  head: { type: "string", value: "FILE", words: "The file to run, as it is called in the folder" },
  sql: { type: "string", value: "TEXT", words: "Or SQL to run after all files" },
  ...JOB_OPTIONS,
  ...LIMIT_OPTIONS,
  ...ROW_OPTIONS,
  log: {
    type: "string",
    choices: LOG_CHOICES,
    words: "What to say of the log from (warn when left out)",
  },
  watch: {
    type: "boolean",
    words: "Say all of the log; on a terminal, run again whenever a file changes",
  },
  wait: { type: "string", value: "TIME", words: "Cancel it when it is not done by then" },
  detach: { type: "boolean", words: "Print the job's id and leave; see quern jobs logs -f" },
  quiet: { type: "boolean", short: "q", words: "Rows and errors only" },
} as const;
type Options = Values<typeof OPTIONS>;

export const projectRun = command({
  name: ["project", "run"],
  takes: "[PATH]",
  count: { min: 0, max: 1 },
  summary: "Run a file of a project on the state that the files before it make",
  details:
    "Sends what the server lacks of the folder (the present one when none is named), finds the longest chain of files whose state is in the cache, runs the rest, and prints the rows of the head.",
  options: OPTIONS,
  async run(call) {
    const { options, context, positionals } = call;
    if ((options.head === undefined) === (options.sql === undefined))
      throw new UsageError("Say what to run: --head FILE, or --sql TEXT");
    if (options.detach && options.watch) throw new UsageError("Choose --watch or --detach");
    const state = { ...stateOf(options, context.environment), ...workOf(options) };
    const limits = { ...state.limits, ...rowLimits(options) };
    const once = async () => {
      const source = await findSource(context, positionals[0], options.project);
      const head =
        options.head === undefined
          ? { head_sql: options.sql }
          : { head_path: headIn(source, options.head) };
      const asked: Asked = {
        ...state,
        ...head,
        ...(Object.keys(limits).length > 0 ? { limits } : {}),
      };
      return runOnce(call, source, asked);
    };
    const stays = options.watch && context.terminal.isTTY && options.project === undefined;
    return stays ? watching(context, positionals[0] ?? ".", once) : once();
  },
});

async function runOnce(
  { options, context }: Call<typeof OPTIONS>,
  source: Source,
  asked: Asked,
): Promise<Exit> {
  const id = await startJob(context, source, asked);
  if (options.detach) {
    await context.terminal.out(`${id}\n`);
    return EXIT.ok;
  }
  const job = await followed(context, options, source, id);
  const places = placesOf(source, context.folder);
  if (job.error !== null) sayError(context, job, places);
  else if (job.status === "canceled") context.terminal.say("Canceled.");
  if (job.run_id !== null && job.rows !== null)
    await printRun({ options, context }, job.run_id, rowsOf(job));
  else if (job.status === "completed" && job.run_id !== null)
    await printRun({ options, context }, job.run_id);
  if (!options.quiet && job.status === "completed")
    context.terminal.say(context.terminal.colours.err.dim(costWords(job)));
  return exitOf(job);
}

function followed(context: Context, options: Options, source: Source, id: string): Promise<Job> {
  const level = options.quiet ? "none" : (options.log ?? (options.watch ? "info" : "warn"));
  const progress = showProgress(context, level, placesOf(source, context.folder));
  const patience_ms = options.wait === undefined ? undefined : parseDuration("wait", options.wait);
  return followJob(context, id, { ...progress, patience_ms }).finally(progress.end);
}

/** The error where editors find it, and on GitHub as an annotation, too. */
export function sayError(context: Context, job: Job, places: (path: string) => string): void {
  const { terminal, settings } = context;
  if (job.error === null) return;
  terminal.say(errorWords(job.error, places, terminal.colours.err));
  if (settings.GITHUB_ACTIONS === "true")
    terminal.say(annotation(job.error.message, placeOf(job.error, places)));
}

/** The job's own rows when they are all of them. */
function rowsOf({ rows }: Job): Rows | null {
  if (rows === null || rows.rows.length < rows.total) return null;
  async function* chunks() {
    yield rows!.rows;
  }
  return { columns: rows.columns, total: rows.total, truncated: rows.truncated, chunks: chunks() };
}

async function watching(context: Context, path: string, once: () => Promise<Exit>): Promise<Exit> {
  const { terminal, interrupts } = context;
  for await (const _ of watchFolder(path, interrupts.signal)) {
    const exit = await once();
    if (interrupts.signal.aborted) return exit;
    terminal.say(terminal.colours.err.dim("Waiting for a change; Ctrl-C ends it"));
  }
  return EXIT.ok;
}
