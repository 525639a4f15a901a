import {
  runDashboardParameterOptions,
  runParameterOptions,
} from "@quern/contract/parameter-options";
import type { Parameter, ParameterValues } from "@quern/contract/parameters";
import type { RunStarted } from "@quern/contract/run-started";
import { readDashboard } from "@quern/store/dashboards";
import { readQuery } from "@quern/store/queries";
import type { FastifyInstance } from "fastify";
import { can } from "../access.ts";
import type { Api } from "../api.ts";
import { enqueue } from "../enqueue.ts";
import { SEARCH } from "../options-queries.ts";
import { ApiError, notFound } from "../problems.ts";
import { type Call, serve } from "../serve.ts";
import { refuseFlood, resolveTarget } from "./runs.ts";

/** Options that were read within so many seconds are not read again, unless the caller says so. */
const FRESH_S = 300;

/** The rows behind a dropdown, read by and for the person who looks at it: a run like any other. */
export function addParameterOptionRoutes(app: FastifyInstance, api: Api): void {
  serve(
    app,
    api,
    runParameterOptions,
    ({ params }) => ({ action: "runs.create", on: { type: "query", id: params.id } }),
    async (call) => {
      const query = await readQuery(api.db, call.actor, call.params.id);
      if (!query) throw notFound("query");
      return runOptions(api, call, query.params, call.params.name, call.body);
    },
  );

  serve(
    app,
    api,
    runDashboardParameterOptions,
    ({ params }) => ({ action: "runs.create", on: { type: "dashboard", id: params.id } }),
    async (call) => {
      const dashboard = await readDashboard(api.db, call.actor, call.params.id);
      if (!dashboard) throw notFound("dashboard");
      return runOptions(api, call, dashboard.params, call.params.name, call.body);
    },
  );
}

type Asked = Call<typeof runParameterOptions>["body"];

/** A run of the options query of one of these parameters, for and with the rights of who asks. */
async function runOptions(
  api: Api,
  call: Pick<Call<typeof runParameterOptions>, "actor" | "origin" | "request">,
  definitions: readonly Parameter[],
  name: string,
  asked: Asked,
): Promise<RunStarted> {
  const { actor, origin } = call;
  const source = sourceOf(definitions, name);
  const given = valuesOfParents(name, source, asked.params ?? {});
  const options = await readQuery(api.db, actor, source.query_id);
  const on = { type: "query" as const, id: source.query_id };
  if (!options || (await can(api.db, actor, "runs.create", on)) !== "allowed") {
    throw new ApiError(
      "not_found",
      `The query behind the dropdown “${name}” is deleted, or you may not run it. Choose another one in the parameter's settings, or ask for access to its datasource.`,
    );
  }
  const isSearched =
    asked.search !== undefined && options.params.some((parameter) => parameter.name === SEARCH);
  const values = isSearched ? { ...given, [SEARCH]: asked.search! } : given;
  await refuseFlood(api, actor);
  return enqueue(api, call, actor, {
    ...(await resolveTarget(api, actor, { query_id: options.id, params: values }, origin)),
    kind: "query",
    max_age_s: asked.max_age_s ?? FRESH_S,
    priority: "interactive",
    trigger: actor.token_id === null ? "user" : "api",
    request_id: origin.request_id,
  });
}

type Source = NonNullable<Parameter["options_query"]>;

function sourceOf(definitions: readonly Parameter[], name: string): Source {
  const definition = definitions.find((each) => each.name === name);
  if (!definition) throw notFound("parameter");
  if (definition.options_query === undefined) {
    throw new ApiError(
      "invalid_request",
      `The options of “${name}” are not behind a query: they are in its own definition.`,
    );
  }
  return definition.options_query;
}

function valuesOfParents(
  name: string,
  { depends_on = [] }: Source,
  values: ParameterValues,
): ParameterValues {
  const other = Object.keys(values).find((each) => !depends_on.includes(each));
  if (other === undefined) return values;
  const known = depends_on.length === 0 ? "nothing" : depends_on.join(", ");
  throw new ApiError("invalid_request", `The options of “${name}” depend on ${known}.`, [
    { path: `body.params.${other}`, message: `The options of “${name}” do not depend on it.` },
  ]);
}
