/** The values that a tile's query gets: of the dashboard, fixed in the tile, asked for by it, or the query's own. */
import { createHash } from "node:crypto";
import type { DashboardSettings } from "@quern/contract/dashboards";
import type {
  Parameter,
  ParameterValue,
  ParameterValues,
  RunParameter,
} from "@quern/contract/parameters";
import { canBind } from "@quern/contract/parameters/binding";
import {
  type ParameterProblem,
  ParametersError,
  ValueError,
} from "@quern/contract/parameters/errors";
import { boundValue, isAll } from "@quern/contract/parameters/value";
import { canonicalJson } from "./canonical-json.ts";
import type { TileSource } from "./dashboard-tiles.ts";

export type AskedValues = {
  /** Of the dashboard; its defaults when left out. */
  params?: ParameterValues | undefined;
  /** By tile: of the parameters that it asks for itself. */
  tile_params?: Readonly<Record<string, ParameterValues>> | undefined;
};

type Context = { params: readonly Parameter[]; settings: DashboardSettings };
type Query = NonNullable<TileSource["query"]>;

/** Throws `ParametersError` when values are given for parameters that the dashboard or its tiles do not ask for. */
export function refuseUnknownValues(
  { params }: Context,
  sources: readonly TileSource[],
  asked: AskedValues,
): void {
  const problems: ParameterProblem[] = Object.keys(asked.params ?? {})
    .filter((name) => !params.some((each) => each.name === name))
    .map((name) => ({
      path: `params.${name}`,
      message: `The dashboard has no parameter called “${name}”.`,
    }));
  for (const [id, values] of Object.entries(asked.tile_params ?? {})) {
    const bindings = sources.find((source) => source.id === id)?.bindings ?? {};
    for (const name of Object.keys(values)) {
      if (Object.hasOwn(bindings, name) && bindings[name]!.type === "ask") continue;
      const message = `The tile does not ask for a parameter called “${name}”.`;
      problems.push({ path: `tile_params.${id}.${name}`, message });
    }
  }
  if (problems.length > 0) throw new ParametersError(problems);
}

/** What is wrong with values that are to be fixed for a dashboard with these parameters. */
export function checkFixedValues(
  params: readonly Parameter[],
  values: ParameterValues,
): ParameterProblem[] {
  return Object.entries(values).flatMap(([name, value]) => {
    const path = `params.${name}`;
    const parameter = params.find((each) => each.name === name);
    if (!parameter) {
      return [{ path, message: `The dashboard has no parameter called “${name}”.` }];
    }
    const wrong = wrongValue(parameter, value, new Date());
    return wrong === null ? [] : [{ path, message: wrong }];
  });
}

/** Why the value does not fit, in a sentence; null when it does. */
function wrongValue(parameter: Parameter, value: ParameterValue, now: Date): string | null {
  if (isAll(value)) return null;
  try {
    boundValue(parameter, value, now);
    return null;
  } catch (error) {
    if (error instanceof ValueError)
      return `“${parameter.label ?? parameter.name}” ${error.message}.`;
    throw error;
  }
}

/**
 * The tile's query with these values and, where its definitions name no time zone, that of the dashboard. Throws
 * `ParametersError`, whose problems are sentences for who looks at the dashboard.
 */
export function valuesOfTile(
  context: Context,
  source: TileSource,
  query: Query,
  asked: AskedValues,
  now: Date,
): { definitions: Parameter[]; values: ParameterValues } {
  const values: ParameterValues = {};
  const zones = new Map<string, string>();
  const problems: ParameterProblem[] = [];
  for (const [name, binding] of Object.entries(source.bindings)) {
    const parameter = query.params.find((each) => each.name === name);
    if (!parameter) {
      const message = `The query “${query.name}” has no parameter called “${name}” any more. Bind the tile anew in its settings.`;
      problems.push({ path: name, message });
      continue;
    }
    if (binding.type === "fixed") values[name] = binding.value;
    if (binding.type === "ask") {
      const own = asked.tile_params?.[source.id] ?? {};
      if (Object.hasOwn(own, name)) values[name] = own[name]!;
    }
    if (binding.type !== "dashboard") continue;
    const from = context.params.find((each) => each.name === binding.name);
    const given = boundFrom(from, parameter, binding.name, asked.params ?? {}, now);
    if (typeof given === "string") problems.push({ path: name, message: given });
    else if (given.value !== undefined) {
      values[name] = given.value;
      if (from?.time_zone !== undefined) zones.set(name, from.time_zone);
    }
  }
  if (problems.length > 0) throw new ParametersError(problems);
  const { time_zone } = context.settings;
  const definitions = query.params.map((each) => {
    const zone = zones.get(each.name) ?? each.time_zone ?? time_zone;
    return zone === null || zone === undefined ? each : { ...each, time_zone: zone };
  });
  return { definitions, values };
}

/** What a parameter of the dashboard gives, or in words why it cannot. No value leaves the query its own default. */
function boundFrom(
  from: Parameter | undefined,
  to: Parameter,
  name: string,
  given: ParameterValues,
  now: Date,
): { value: ParameterValue | undefined } | string {
  if (!from) {
    return `The dashboard has no parameter called “${name}” any more. Bind the tile anew in its settings.`;
  }
  const label = from.label ?? from.name;
  if (!canBind(from, to)) {
    return `“${label}” is ${from.type} and cannot give a value to “${to.name}”, which is ${to.type} now. Bind the tile anew in its settings.`;
  }
  const value = Object.hasOwn(given, name) ? given[name] : from.default;
  if (value === undefined) {
    return from.required === false ? { value } : `“${label}” needs a value.`;
  }
  return wrongValue(from, value, now) ?? { value };
}

/**
 * SHA-256 of what a tile shows: its query's text and the values as they were given, with the zones that they are read in.
 * Where another datasource takes the place of the query's own, the key is one of its own too: such results are never those
 * of the tile as it is saved, not even when the query is moved to that datasource later.
 */
export function valuesKey(
  query: Query,
  definitions: readonly Parameter[],
  params: readonly RunParameter[],
  in_place_of: string | null = null,
): Buffer {
  const given = params.map(({ name, given }) => [
    name,
    given,
    definitions.find((each) => each.name === name)?.time_zone ?? null,
  ]);
  const shown = [query.datasource.id, query.sql, given];
  return createHash("sha256")
    .update(canonicalJson(in_place_of === null ? shown : [...shown, { in_place_of }]))
    .digest();
}
