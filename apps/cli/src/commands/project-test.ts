import { availableParallelism } from "node:os";
import { readProject } from "@quern/contract/projects";
import { EXIT, type Exit, UsageError } from "../faults.ts";
import { parseNumber } from "../formats/times.ts";
import { findSource, headIn, JOB_OPTIONS, type Source, stateOf, workOf } from "../jobs/asked.ts";
import { annotation } from "../jobs/show.ts";
import { openOutput } from "../terminal.ts";
import { REPORT_FORMATS, reportOf, type TestOutcome } from "../tests/report.ts";
import { runTest, type TestCase } from "../tests/run-test.ts";
import { type Call, type Context, command } from "./command.ts";

const { engine: _one, ...rest } = JOB_OPTIONS;
const OPTIONS = {
  folder: { type: "string", value: "NAME", words: "Where the tests are; test when left out" },
  ...rest,
  engine: {
    type: "string",
    multiple: true,
    value: "13…18",
    words: "Version of PostgreSQL; given several times, every test runs on each",
  },
  jobs: {
    type: "string",
    short: "j",
    value: "N",
    words: "Tests at the same time; 4 when left out",
  },
  bail: { type: "boolean", words: "Start no more after the first that fails" },
  format: { type: "string", short: "f", choices: REPORT_FORMATS, words: "pretty when left out" },
  output: {
    type: "string",
    short: "o",
    value: "FILE",
    words: "Write the report there, and the one for people on the terminal",
  },
} as const;

export const projectTest = command({
  name: ["project", "test"],
  takes: "[PATH] [FILE…]",
  count: { min: 0, max: 10_000 },
  summary: "Run the test files of a project, each on a clone of its own",
  details:
    "A file fails by an error, by a row of a result whose first column is called not_ok, by a row whose boolean column ok is not true, and by lines of TAP, pgTAP's too. docs/cli.md says more. Files are named as in the folder; all of the folder test when none is.",
  options: OPTIONS,
  async run(call) {
    const { options, context } = call;
    const { source, heads } = await testsOf(call);
    const engines = options.engine.length === 0 ? [null] : options.engine;
    const cases = engines.flatMap((engine) =>
      heads.map(
        (head_path): TestCase => ({
          name: engines.length > 1 ? `${head_path} [PostgreSQL ${engine}]` : head_path,
          head_path,
          asked: {
            ...stateOf({ ...options, engine: engine ?? undefined }, context.environment),
            ...workOf(options),
          },
        }),
      ),
    );
    const atOnce =
      options.jobs === undefined
        ? Math.min(4, availableParallelism() * 2)
        : parseNumber("jobs", options.jobs, { min: 1, max: 64 });
    const outcomes = await reported(call, cases.length, (report) =>
      inTurn(
        cases,
        atOnce,
        context.interrupts.signal,
        options.bail,
        async (one) => runTest(context, source, one),
        report,
      ),
    );
    return exitOfTests(outcomes, context.interrupts.signal.aborted);
  },
});

async function testsOf({ options, context, positionals }: Call<typeof OPTIONS>) {
  const saved = options.project !== undefined;
  const path = saved ? undefined : positionals[0];
  const named = saved ? positionals : positionals.slice(1);
  const source = await findSource(context, path, options.project);
  const folder = (options.folder ?? "test").replace(/\/+$/, "");
  const heads =
    named.length > 0
      ? named.map((one) => headIn(source, one))
      : (await pathsOf(context, source)).filter((each) => isTest(each, folder)).toSorted(naturally);
  if (heads.length === 0)
    throw new UsageError(
      `There are no .sql files in ${folder}/ of the project; --folder names another`,
    );
  return { source, heads };
}

/** Files whose name, or whose folder's, begins with `_` are there to be included. */
function isTest(path: string, folder: string): boolean {
  return path.startsWith(`${folder}/`) && path.endsWith(".sql") && !/(^|\/)_/.test(path);
}

async function pathsOf({ client }: Context, source: Source): Promise<string[]> {
  if (source.kind === "folder") return source.folder.files.map(({ path }) => path);
  return Object.keys((await client.call(readProject, { params: { id: source.id } })).tree);
}

const COLLATOR = new Intl.Collator("en", { numeric: true });

/** `2.sql` before `10.sql`. */
function naturally(a: string, b: string): number {
  return COLLATOR.compare(a, b);
}

/** Runs so many at once, and tells of each in the order in which they were given. */
async function inTurn(
  cases: readonly TestCase[],
  atOnce: number,
  signal: AbortSignal,
  bail: boolean,
  run: (one: TestCase) => Promise<TestOutcome>,
  report: (outcome: TestOutcome) => Promise<void>,
): Promise<TestOutcome[]> {
  const outcomes: (TestOutcome | undefined)[] = cases.map(() => undefined);
  let next = 0;
  let told = 0;
  let stopped = false;
  let telling = Promise.resolve();
  const work = async () => {
    while (next < cases.length && !signal.aborted && !stopped) {
      const index = next++;
      const outcome = await run(cases[index]!);
      outcomes[index] = outcome;
      if (bail && outcome.status !== "passed" && outcome.status !== "skipped") stopped = true;
      telling = telling.then(async () => {
        for (; outcomes[told] !== undefined; told += 1) await report(outcomes[told]!);
      });
      await telling;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return outcomes.filter((outcome) => outcome !== undefined);
}

async function reported(
  { options, context }: Call<typeof OPTIONS>,
  count: number,
  run: (report: (outcome: TestOutcome) => Promise<void>) => Promise<TestOutcome[]>,
): Promise<TestOutcome[]> {
  const { terminal } = context;
  const began = Date.now();
  const file = options.output === undefined ? null : await openOutput(options.output);
  const format = options.format ?? (file === null ? "pretty" : "junit");
  const shown = file === null ? format : "pretty";
  const sinks = [
    { report: reportOf(shown, terminal.colours.out), out: terminal.out },
    ...(file === null ? [] : [{ report: reportOf(format, terminal.colours.err), out: file.out }]),
  ];
  const write = async (text: (report: (typeof sinks)[number]["report"]) => string) => {
    for (const sink of sinks) await sink.out(text(sink.report));
  };
  await write((report) => report.start(count));
  let number = 0;
  const outcomes = await run(async (outcome) => {
    number += 1;
    await write((report) => report.outcome(outcome, number));
    if (context.settings.GITHUB_ACTIONS === "true" && isFailed(outcome)) {
      const words = [outcome.message, ...outcome.faults].filter(Boolean).join("\n");
      terminal.say(annotation(words, { file: outcome.file, line: outcome.line ?? 1 }));
    }
  });
  await write((report) => report.end(outcomes, Date.now() - began));
  await file?.close();
  return outcomes;
}

const isFailed = ({ status }: TestOutcome) => status === "failed" || status === "error";

function exitOfTests(outcomes: readonly TestOutcome[], interrupted: boolean): Exit {
  if (interrupted) return EXIT.canceled;
  const failed = outcomes.filter(isFailed);
  if (failed.length === 0) return EXIT.ok;
  return failed.every(({ timed_out }) => timed_out) ? EXIT.timed_out : EXIT.failed;
}
