import { RunStatus } from "@quern/contract/run-started";
import { cancelRun, listRuns, type RunSummary, readRun } from "@quern/contract/runs";
import { EXIT } from "../faults.ts";
import { printRun, ROW_OPTIONS } from "../formats/print.ts";
import { listTable } from "../formats/table.ts";
import { duration, parseNumber, relative } from "../formats/times.ts";
import { command } from "./command.ts";

export const runsList = command({
  name: ["runs", "list"],
  takes: "",
  count: { min: 0, max: 0 },
  summary: "Runs of queries and heads that you may see, the newest first",
  options: {
    status: { type: "string", choices: RunStatus.options, words: "With this status" },
    limit: { type: "string", short: "n", value: "N", words: "So many; 20 when left out" },
    json: { type: "boolean", words: "As JSON" },
  },
  async run({ options, context: { client, terminal } }) {
    const limit = parseNumber("limit", options.limit ?? "20", { min: 1, max: 200 });
    const { items } = await client.call(listRuns, {
      query: { limit, ...(options.status === undefined ? {} : { status: options.status }) },
    });
    if (options.json) await terminal.out(`${JSON.stringify(items, null, 2)}\n`);
    else await terminal.out(listTable(HEADS, items.map(runRow), terminal.colours.out));
    return EXIT.ok;
  },
});

const HEADS = ["id", "kind", "status", "what", "rows", "time", "queued"];

function runRow(run: RunSummary): string[] {
  const took =
    run.started_at === null || run.finished_at === null
      ? ""
      : duration(Date.parse(run.finished_at) - Date.parse(run.started_at));
  return [
    run.id,
    run.kind,
    run.error === null ? run.status : `${run.status} (${run.error.code})`,
    run.query?.name ?? run.datasource?.name ?? "",
    run.rows === null ? "" : String(run.rows),
    took,
    relative(run.queued_at),
  ];
}

export const runsShow = command({
  name: ["runs", "show"],
  takes: "ID",
  count: { min: 1, max: 1 },
  summary: "One run with all that is known of it, as JSON",
  options: {},
  async run({ positionals, context: { client, terminal } }) {
    const run = await client.call(readRun, { params: { id: positionals[0]! } });
    await terminal.out(`${JSON.stringify(run, null, 2)}\n`);
    return EXIT.ok;
  },
});

export const runsRows = command({
  name: ["runs", "rows"],
  takes: "ID",
  count: { min: 1, max: 1 },
  summary: "The rows that a run gave",
  options: ROW_OPTIONS,
  async run({ options, positionals, context }) {
    await printRun({ options, context }, positionals[0]!);
    return EXIT.ok;
  },
});

export const runsCancel = command({
  name: ["runs", "cancel"],
  takes: "ID…",
  count: { min: 1, max: 100 },
  summary: "Cancel runs; one that has ended stays as it is",
  options: {},
  async run({ positionals, context: { client, terminal } }) {
    for (const id of positionals) {
      const { status } = await client.call(cancelRun, { params: { id }, body: {} });
      terminal.say(`${id}: ${status === "running" ? "being canceled" : status}`);
    }
    return EXIT.ok;
  },
});
