import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Limits } from "@quern/contract/datasources";
import { listDatasources } from "@quern/contract/datasources";
import type { ParameterValues } from "@quern/contract/parameters";
import { listQueries } from "@quern/contract/queries";
import { cancelRun, createRun, type Run, readRun } from "@quern/contract/runs";
import { printable } from "../colours.ts";
import { CliError, EXIT, type Exit, systemCode, UsageError } from "../faults.ts";
import { LIMIT_OPTIONS, printRun, ROW_OPTIONS, rowLimits } from "../formats/print.ts";
import { listTable } from "../formats/table.ts";
import { duration, parseDuration, parseNumber, relative } from "../formats/times.ts";
import { patiently } from "../jobs/create.ts";
import { type Context, command, type Values } from "./command.ts";

const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const ENDED = new Set(["succeeded", "failed", "canceled"]);

const OPTIONS = {
  datasource: {
    type: "string",
    short: "d",
    value: "NAME",
    words: "Where to run it; a saved query in place of its own datasource",
  },
  sql: { type: "string", value: "TEXT", words: "SQL in place of a saved query" },
  file: {
    type: "string",
    value: "FILE",
    words: "The same out of a file; - is what comes by stdin",
  },
  param: {
    type: "string",
    short: "p",
    multiple: true,
    value: "NAME=VALUE",
    words: "A parameter; NAME:=JSON for lists, ranges, null",
  },
  timeout: { type: "string", value: "TIME", words: "As 500ms, 30s, 5m" },
  "max-age": { type: "string", value: "TIME", words: "An equal run that ended within it will do" },
  ...LIMIT_OPTIONS,
  ...ROW_OPTIONS,
  quiet: { type: "boolean", short: "q", words: "Rows and errors only" },
} as const;
type Options = Values<typeof OPTIONS>;

export const queryRun = command({
  name: ["query", "run"],
  takes: "[NAME]",
  count: { min: 0, max: 1 },
  summary: "Run a saved query, by name or id, or SQL on a datasource",
  options: OPTIONS,
  async run({ options, positionals, context }) {
    const limits: Partial<Limits> = {
      ...rowLimits(options),
      ...(options.timeout === undefined
        ? {}
        : { timeout_ms: parseDuration("timeout", options.timeout) }),
    };
    const max_age_s =
      options["max-age"] === undefined
        ? undefined
        : Math.floor(parseDuration("max-age", options["max-age"]) / 1000);
    const body = {
      ...(await workOf(context, options, positionals[0])),
      params: valuesOf(options.param),
      limits,
      ...(max_age_s === undefined ? {} : { max_age_s }),
    };
    const idempotencyKey = randomUUID();
    const { id } = await patiently(context, () =>
      context.client.call(createRun, { body, idempotencyKey }),
    );
    const run = await endOf(context, id);
    return ended(context, options, run);
  },
});

export const queryList = command({
  name: ["query", "list"],
  takes: "[WORDS]",
  count: { min: 0, max: 20 },
  summary: "Saved queries, those with all of the words when some are given",
  options: {
    limit: { type: "string", short: "n", value: "N", words: "So many; 50 when left out" },
    json: { type: "boolean", words: "As JSON" },
  },
  async run({ options, positionals, context: { client, terminal } }) {
    const limit = parseNumber("limit", options.limit ?? "50", { min: 1, max: 200 });
    const search = positionals.join(" ");
    const { items } = await client.call(listQueries, {
      query: { limit, ...(search === "" ? {} : { search }) },
    });
    if (options.json) {
      await terminal.out(`${JSON.stringify(items, null, 2)}\n`);
      return EXIT.ok;
    }
    const rows = items.map(({ id, name, datasource, updated_at }) => [
      id,
      name,
      datasource.name,
      relative(updated_at),
    ]);
    await terminal.out(
      listTable(["id", "name", "datasource", "changed"], rows, terminal.colours.out),
    );
    return EXIT.ok;
  },
});

/** What to run: a saved query, or SQL and where. */
async function workOf(context: Context, options: Options, name: string | undefined) {
  const ways = [name, options.sql, options.file].filter((way) => way !== undefined);
  if (ways.length !== 1)
    throw new UsageError("Say what to run: the name of a query, --sql TEXT or --file FILE");
  if (name !== undefined) {
    const query_id = await findQuery(context, name);
    if (options.datasource === undefined) return { query_id };
    return { query_id, datasource_id: await findDatasource(context, options.datasource) };
  }
  if (options.datasource === undefined)
    throw new UsageError("Say where to run it: --datasource NAME");
  const sql = options.sql ?? readSql(options.file!);
  return { sql, datasource_id: await findDatasource(context, options.datasource) };
}

function readSql(file: string): string {
  try {
    return readFileSync(file === "-" ? 0 : file, "utf8");
  } catch (error) {
    throw new CliError(`${file} cannot be read: ${systemCode(error)}`, EXIT.usage, {
      cause: error,
    });
  }
}

async function findQuery({ client }: Context, name: string): Promise<string> {
  if (ID.test(name)) return name;
  const { items } = await client.call(listQueries, { query: { search: name, limit: 200 } });
  return onlyOne("query", name, items);
}

async function findDatasource({ client }: Context, name: string): Promise<string> {
  if (ID.test(name)) return name;
  const { items } = await client.call(listDatasources, {});
  return onlyOne("datasource", name, items);
}

function onlyOne(what: string, name: string, items: { id: string; name: string }[]): string {
  const named = items.filter((item) => item.name === name);
  if (named.length === 1) return named[0]!.id;
  if (named.length > 1) {
    const ids = named.map(({ id }) => id).join(", ");
    throw new CliError(`Several are called ${name}; say which by its id: ${ids}`, EXIT.usage);
  }
  const like = items.slice(0, 5).map((item) => item.name);
  const hint = like.length > 0 ? ` There is ${like.join(", ")}.` : "";
  throw new CliError(`There is no ${what} ${name} that you may see.${hint}`, EXIT.usage);
}

/** `p=1` is text, which the parameter's type reads; `p:=["a","b"]` is JSON. */
function valuesOf(given: readonly string[]): ParameterValues {
  return Object.fromEntries(
    given.map((each) => {
      const [, name, json, value] = /^([A-Za-z_][A-Za-z0-9_]*)(:?)=(.*)$/s.exec(each) ?? [];
      if (name === undefined) throw new UsageError("--param is NAME=VALUE, or NAME:=JSON");
      return [name, json === "" ? value! : parseJson(name, value!)];
    }),
  );
}

function parseJson(name: string, text: string): ParameterValues[string] {
  try {
    return JSON.parse(text) as ParameterValues[string];
  } catch (error) {
    if (error instanceof SyntaxError) throw new UsageError(`The value of ${name} is not JSON`);
    throw error;
  }
}

/** The run when it has ended; Ctrl-C cancels it. */
async function endOf({ client, terminal, interrupts }: Context, id: string): Promise<Run> {
  const began = Date.now();
  const draw = () => terminal.progress(`running  ${duration(Date.now() - began)}`);
  const timer = setInterval(draw, 200);
  const cancel = () => {
    terminal.say("Canceling; Ctrl-C once more leaves at once");
    client.call(cancelRun, { params: { id }, body: {} }).catch((error: Error) => {
      terminal.say(`The run could not be canceled: ${error.message}`);
    });
  };
  interrupts.signal.addEventListener("abort", cancel);
  if (interrupts.signal.aborted) cancel();
  try {
    for (;;) {
      const run = await client.call(readRun, { params: { id }, query: { wait: 30 } });
      if (ENDED.has(run.status)) return run;
    }
  } finally {
    clearInterval(timer);
    terminal.progress(null);
    interrupts.signal.removeEventListener("abort", cancel);
  }
}

async function ended(context: Context, options: Options, run: Run): Promise<Exit> {
  const { terminal } = context;
  const { red, dim } = terminal.colours.err;
  for (const notice of options.quiet ? [] : run.notices) terminal.say(printable(notice));
  if (run.status === "canceled") {
    terminal.say("Canceled.");
    return EXIT.canceled;
  }
  if (run.error !== null) {
    const { message, sqlstate, detail, hint, code } = run.error;
    const place = placeIn(run, options.file);
    terminal.say(
      `${place}${red("error:")} ${printable(message)}${sqlstate === null ? "" : ` (${sqlstate})`}`,
    );
    for (const words of [detail, hint]) if (words !== null) terminal.say(`  ${printable(words)}`);
    return code === "timeout" ? EXIT.timed_out : EXIT.failed;
  }
  await printRun({ options, context }, run.id);
  if (!options.quiet) {
    const commands = run.statements.filter(({ columns }) => columns === null);
    for (const { command: tag } of commands) terminal.say(dim(tag));
  }
  return EXIT.ok;
}

/** `file:line:column: ` of an error, when the SQL came out of a file. */
function placeIn({ error, sql }: Run, file: string | undefined): string {
  if (file === undefined || sql === null || error?.position == null) return "";
  const before = sql.slice(0, error.position);
  return `${file}:${before.split("\n").length}:${error.position - before.lastIndexOf("\n")}: `;
}
