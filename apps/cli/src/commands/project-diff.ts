import type { StateDifference } from "@quern/contract/job-results";
import { EXIT } from "../faults.ts";
import { collect } from "../folder/collect.ts";
import { openFolder } from "../folder/send.ts";
import { listTable } from "../formats/table.ts";
import { findProject, STATE_OPTIONS, stateOf } from "../jobs/asked.ts";
import { type Asked, create } from "../jobs/create.ts";
import { followJob } from "../jobs/follow.ts";
import { exitOf, showProgress } from "../jobs/show.ts";
import { type Context, command } from "./command.ts";
import { sayError } from "./project-run.ts";

type Side = NonNullable<Asked["left"]>;

const { order: _order, volatile: _volatile, ...STATE } = STATE_OPTIONS;

export const projectDiff = command({
  name: ["project", "diff"],
  takes: "A B",
  count: { min: 2, max: 2 },
  summary: "What differs between two states: definitions, and rows of each table",
  details:
    "A and B are folders, project:NAME for a saved project (project:NAME@VERSION for an earlier save), or state:KEY. FOLDER#FILE is the state before that file. Ends with 0 when nothing differs, 1 when something does.",
  options: {
    ...STATE,
    definitions: { type: "boolean", words: "Print what changed of each definition" },
    json: { type: "boolean", words: "As JSON" },
  },
  async run({ options, positionals, context }) {
    const state = stateOf(
      { ...options, order: undefined, volatile: undefined },
      context.environment,
    );
    const id = await withSides(context, positionals as [string, string], state, (left, right) =>
      create(context, { type: "diff", left, right }),
    );
    const progress = showProgress(context, "warn", (path) => path);
    const job = await followJob(context, id, progress).finally(progress.end);
    sayError(context, job, (path) => path);
    if (job.result?.type !== "diff") return exitOf(job) === EXIT.ok ? EXIT.failed : exitOf(job);
    const { result } = job;
    if (options.json) await context.terminal.out(`${JSON.stringify(result, null, 2)}\n`);
    else await printDiff(context, result, options.definitions);
    return result.identical ? EXIT.ok : EXIT.failed;
  },
});

type Diff = {
  identical: boolean;
  objects: StateDifference[];
  tables: {
    schema: string;
    name: string;
    left_rows: number | null;
    right_rows: number | null;
    same_rows: boolean | null;
  }[];
  truncated: boolean;
};

/** Calls `make` with both sides, whose folders are sent. */
async function withSides(
  context: Context,
  [a, b]: [string, string],
  state: Pick<Asked, "variables" | "environment">,
  make: (left: Side, right: Side) => Promise<string>,
): Promise<string> {
  const left = await sideOf(context, a, state);
  const right = await sideOf(context, b, state);
  return left((one) => right((other) => make(one, other)));
}

type WithSide = (then: (side: Side) => Promise<string>) => Promise<string>;

async function sideOf(
  context: Context,
  text: string,
  state: Pick<Asked, "variables" | "environment">,
): Promise<WithSide> {
  const [, key] = /^state:([0-9a-f]{64})$/.exec(text) ?? [];
  if (key !== undefined) return (then) => then({ state_key: key });
  const [, place, head] = /^([^#]*)(?:#(.+))?$/s.exec(text)!;
  const rest = { ...state, ...(head === undefined ? {} : { head_path: head }) };
  const [, name, version] = /^project:(.+?)(?:@(\d{1,9}))?$/.exec(place!) ?? [];
  if (name !== undefined) {
    const { id } = await findProject(context, name);
    const at = version === undefined ? {} : { project_version: Number(version) };
    return (then) => then({ ...rest, project_id: id, ...at });
  }
  const files = await collect(place!);
  const { client, fetch, terminal, interrupts } = context;
  const folder = openFolder({ client, fetch, terminal, signal: interrupts.signal }, files);
  return (then) => folder.send((project_tree) => then({ ...rest, project_tree }));
}

async function printDiff({ terminal }: Context, diff: Diff, definitions: boolean): Promise<void> {
  const { green, red, yellow, dim } = terminal.colours.out;
  if (diff.identical) return terminal.out("Nothing differs.\n");
  const marks = { added: green("+"), removed: red("-"), changed: yellow("~") };
  for (const { kind, name, change, left, right } of diff.objects) {
    await terminal.out(`${marks[change]} ${kind} ${name}\n`);
    if (!definitions) continue;
    for (const line of left?.split("\n") ?? []) await terminal.out(red(`    - ${line}\n`));
    for (const line of right?.split("\n") ?? []) await terminal.out(green(`    + ${line}\n`));
  }
  const other = diff.tables.filter(
    ({ left_rows, right_rows, same_rows }) => left_rows !== right_rows || same_rows === false,
  );
  if (other.length > 0) {
    const count = (rows: number | null) => (rows === null ? "-" : String(rows));
    const rows = other.map(({ schema, name, left_rows, right_rows, same_rows }) => [
      `${schema}.${name}`,
      count(left_rows),
      count(right_rows),
      left_rows === right_rows && same_rows === false ? "other rows" : "",
    ]);
    await terminal.out(
      `\n${listTable(["table", "rows in A", "rows in B", ""], rows, terminal.colours.out)}`,
    );
  }
  if (diff.truncated) await terminal.out(dim("There are more differences than these.\n"));
}
