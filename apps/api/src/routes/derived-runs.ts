import type { Column } from "@quern/contract/results";
import {
  compareRunResults,
  describeRunResult,
  type ResultView,
  viewRunResult,
} from "@quern/contract/run-results";
import type { RunStarted } from "@quern/contract/run-started";
import { FilterValueError, parseFilters } from "@quern/results/read/filter-values";
import type { Actor } from "@quern/store/actor";
import type { Origin } from "@quern/store/audit";
import { expireWithSource, findResultRun, type ResultSpec } from "@quern/store/result-runs";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Api } from "../api.ts";
import { enqueue } from "../enqueue.ts";
import { ApiError } from "../problems.ts";
import { demand, serve } from "../serve.ts";
import { openWholeResult, type StoredResult } from "../stored-result.ts";

type Caller = { actor: Actor; origin: Origin; request: FastifyRequest };

/** Runs on stored results. Whoever may see the result may ask for them; equal requests share one run. */
export function addDerivedRunRoutes(app: FastifyInstance, api: Api): void {
  const on = (id: string) => ({ action: "runs.read" as const, on: { type: "run" as const, id } });

  serve(
    app,
    api,
    viewRunResult,
    ({ params }) => on(params.id),
    async (call) => {
      const source = await openWholeResult(api, call.actor, call.params.id, call.body.statement);
      const { columns } = source.statement;
      const spec = {
        kind: "result_view" as const,
        sort: checkedSort(columns, call.body.sort ?? []),
        filters: checkedFilters(columns, call.body.filters ?? []),
      };
      return start(api, call, [source], spec);
    },
  );

  serve(
    app,
    api,
    describeRunResult,
    ({ params }) => on(params.id),
    async (call) => {
      const source = await openWholeResult(api, call.actor, call.params.id, call.body.statement);
      return start(api, call, [source], { kind: "result_statistics" });
    },
  );

  serve(
    app,
    api,
    compareRunResults,
    ({ params }) => on(params.id),
    async (call) => {
      const { actor, params, body } = call;
      const other = on(body.other_run_id);
      await demand(api, actor, other.action, other.on);
      const source = await openWholeResult(api, actor, params.id, body.statement);
      const against = await openWholeResult(api, actor, body.other_run_id, body.statement);
      refuseOtherColumns(source.statement.columns, against.statement.columns);
      return start(api, call, [source, against], {
        kind: "result_comparison",
        other_run_id: against.run.id,
        other_statement: against.statement.index,
      });
    },
  );
}

/** `of`: the result to work on, and the one to compare it with. */
async function start(
  api: Api,
  call: Caller,
  of: [StoredResult, StoredResult?],
  spec: ResultSpec,
): Promise<RunStarted> {
  const [{ run, statement }, other] = of;
  const { actor, origin } = call;
  const work = { source_run_id: run.id, source_statement: statement.index, spec };
  const equal = await findResultRun(api.db, actor, work);
  if (equal) return equal;
  const own = run.datasource?.id ?? null;
  // What came of two datasources is no datasource's: only its maker sees it, as long as they may use both.
  const ofOne = other === undefined || (other.run.datasource?.id ?? null) === own;
  const started = await enqueue(api, call, actor, {
    kind: spec.kind,
    datasource_id: ofOne ? own : null,
    // Viewers may see runs of saved queries: what is made of nothing else is as visible as those.
    ...(ofOne && run.query && other?.run.query !== null
      ? { query: { id: run.query.id, version: run.query.version } }
      : {}),
    sql: null,
    source: { run_id: run.id, statement: statement.index, spec },
    limits: run.limits,
    priority: "interactive",
    trigger: actor.token_id === null ? "user" : "api",
    request_id: origin.request_id,
  });
  await expireWithSource(api.db, started.id);
  return started;
}

function checkedSort(columns: Column[], sort: NonNullable<ResultView["sort"]>) {
  for (const [place, { column }] of sort.entries()) {
    if (column < columns.length) continue;
    throw refused(
      `sort.${place}.column`,
      `there is no column ${column}: the result has ${columns.length}`,
    );
  }
  return sort;
}

function checkedFilters(columns: Column[], filters: NonNullable<ResultView["filters"]>) {
  return filters.flatMap((filter, place) => {
    try {
      return parseFilters(columns, [filter]);
    } catch (error) {
      if (error instanceof FilterValueError) throw refused(`filters.${place}`, error.message);
      throw error;
    }
  });
}

function refuseOtherColumns(ours: Column[], theirs: Column[]): void {
  if (ours.length !== theirs.length)
    throw refused(
      "other_run_id",
      `the results have ${ours.length} and ${theirs.length} columns; compare results with the same columns`,
    );
  for (const [index, { name, source_type }] of ours.entries()) {
    const other = theirs[index]!;
    if (other.name === name && other.source_type === source_type) continue;
    throw refused(
      "other_run_id",
      `column ${index + 1} is "${name}" (${source_type}) in one result and "${other.name}" (${other.source_type}) in the other; compare results with the same columns`,
    );
  }
}

function refused(path: string, message: string): ApiError {
  return new ApiError("invalid_request", `${path}: ${message}`, [
    { path: `body.${path}`, message },
  ]);
}
