/** The values of one run: what the caller gave and what the query has as defaults, checked and ready to be bound. */
import type { Parameter, ParameterValue, ParameterValues, RunParameter } from "../parameters.ts";
import { checkTemplate } from "./definitions.ts";
import { type ParameterProblem, ParametersError, ValueError } from "./errors.ts";
import { type ParameterUse, readTemplate } from "./template.ts";
import { boundNull, boundValue, isAll, optionValues } from "./value.ts";

/**
 * What a run of this text binds, in the order of the definitions; kept with the run, so that it stays what it was when
 * the clock goes on. Parameters that the text does not use and those without a value are left out. Throws
 * `ParametersError` with every problem.
 */
export function resolveParameters(
  sql: string,
  definitions: readonly Parameter[],
  values: ParameterValues,
  now: Date = new Date(),
): RunParameter[] {
  const template = readTemplate(sql);
  const problems = [...checkTemplate(template, definitions), ...unknownNames(values, definitions)];
  const uses = countUses(template.uses);
  const resolved: RunParameter[] = [];
  for (const definition of definitions) {
    const used = uses.get(definition.name) ?? { outside: 0, inside: 0 };
    const given = givenTo(definition, values);
    try {
      const parameter = resolveOne(definition, used.outside === 0, given, now);
      if (parameter !== null && used.outside + used.inside > 0) resolved.push(parameter);
    } catch (error) {
      if (!(error instanceof ValueError)) throw error;
      const { name } = definition;
      problems.push({ path: `params.${name}`, message: `“${name}” ${error.message}.` });
    }
  }
  if (problems.length > 0) throw new ParametersError(problems);
  return resolved;
}

/** How often each parameter is used in and outside of optional blocks. */
function countUses(uses: readonly ParameterUse[]) {
  const counts = new Map<string, { outside: number; inside: number }>();
  for (const { name, block } of uses) {
    const count = counts.get(name) ?? { outside: 0, inside: 0 };
    count[block === null ? "outside" : "inside"] += 1;
    counts.set(name, count);
  }
  return counts;
}

/** Own properties only: a parameter may be called `constructor`. */
function givenTo(definition: Parameter, values: ParameterValues): ParameterValue | undefined {
  return Object.hasOwn(values, definition.name) ? values[definition.name] : definition.default;
}

function unknownNames(
  values: ParameterValues,
  definitions: readonly Parameter[],
): ParameterProblem[] {
  const names = new Set(definitions.map(({ name }) => name));
  const known = names.size === 0 ? "this has none" : `this has ${[...names].join(", ")}`;
  return Object.keys(values)
    .filter((name) => !names.has(name))
    .slice(0, MAX_UNKNOWN)
    .map((name) => ({
      path: `params.${name}`,
      message: `There is no parameter called “${name}”: ${known}.`,
    }));
}

/** Named in one answer. */
const MAX_UNKNOWN = 20;

/** null when it has no value and needs none. */
function resolveOne(
  definition: Parameter,
  isOptional: boolean,
  given: ParameterValue | undefined,
  now: Date,
): RunParameter | null {
  const { name, type } = definition;
  if (given === undefined) {
    if (isOptional) return null;
    if (definition.required !== false || type === "identifier")
      throw new ValueError("needs a value");
    return { name, type, given: null, bound: boundNull(definition) };
  }
  if (!isAll(given)) return { name, type, given, bound: boundValue(definition, given, now) };
  if (isOptional) return { name, type, given, bound: [] };
  const options = optionValues(definition);
  if (!definition.multiple || options.length === 0) {
    throw new ValueError(
      "is All: put the condition that uses it into [[ … ]], so that it can be left out",
    );
  }
  return { name, type, given, bound: [{ name, sql_type: "text[]", value: options }] };
}
