/** Whether a query's text and what it declares of its parameters fit together, before it is saved or run. */
import type { Parameter, ParameterType } from "../parameters.ts";
import { type ParameterProblem, ValueError } from "./errors.ts";
import { identifierParts } from "./identifier.ts";
import { patternProblem } from "./pattern.ts";
import { readTemplate, type Template } from "./template.ts";
import { isTimeZone } from "./times.ts";
import { boundValue, isAll, optionValues } from "./value.ts";

const MAX_PROBLEMS = 100;

/** All that is wrong; `list` is how the list of definitions is called in the paths of the problems. */
export function checkParameters(
  sql: string,
  definitions: readonly Parameter[],
  list: "params" | "parameters" = "params",
): ParameterProblem[] {
  return [
    ...checkTemplate(readTemplate(sql), definitions),
    ...definitions.flatMap((definition, index) =>
      checkDefinition(definition, definitions).map(([field, message]) => ({
        path: `${list}.${index}.${field}`,
        message: `“${definition.name}”: ${message}`,
      })),
    ),
  ];
}

/** What is wrong with the text, seen from what is declared. */
export function checkTemplate(
  { sql, uses, problems }: Template,
  definitions: readonly Parameter[],
): ParameterProblem[] {
  const found = problems.map(({ message, start, end }) => problemAt(sql, start, end, message));
  const byName = new Map(definitions.map((definition) => [definition.name, definition]));
  const seen = new Set<string>();
  for (const { name, part, start, end } of uses) {
    const words = wrongUse(name, part, byName.get(name));
    const text = `${name}.${part}`;
    if (words === null || seen.has(text) || found.length >= MAX_PROBLEMS) continue;
    seen.add(text);
    found.push(problemAt(sql, start, end, words));
  }
  return found;
}

function wrongUse(
  name: string,
  part: string | null,
  definition: Parameter | undefined,
): string | null {
  if (definition === undefined) {
    return `{{ ${name} }} is not declared: add a parameter called “${name}”, or correct the name.`;
  }
  if (definition.type === "date_range" && part === null) {
    return `“${name}” is a date range: write {{ ${name}.start }} and {{ ${name}.end }}.`;
  }
  if (definition.type !== "date_range" && part !== null) {
    return `“${name}” is no date range, and has no .${part}: write {{ ${name} }}.`;
  }
  return null;
}

function problemAt(sql: string, start: number, end: number, message: string): ParameterProblem {
  const before = sql.slice(0, start).split("\n");
  const place = `line ${before.length}, column ${before.at(-1)!.length + 1}`;
  return { path: "sql", message: `${message} (${place})`, start, end };
}

type Wrong = [field: string, message: string];

function checkDefinition(definition: Parameter, all: readonly Parameter[]): Wrong[] {
  const { name } = definition;
  const wrong: Wrong[] = [...misplaced(definition), ...checkOptions(definition)];
  if (all.find((each) => each.name === name) !== definition) {
    wrong.push(["name", "there are two parameters of this name"]);
  }
  if (definition.pattern !== undefined) {
    const problem = patternProblem(definition.pattern);
    if (problem !== null) wrong.push(["pattern", `the pattern cannot be used: ${problem}`]);
  }
  if (definition.time_zone !== undefined && !isTimeZone(definition.time_zone)) {
    wrong.push([
      "time_zone",
      `there is no time zone ${definition.time_zone}; write Europe/Berlin, say`,
    ]);
  }
  wrong.push(...checkDependencies(definition, all));
  return wrong.length > 0 ? wrong : checkDefault(definition);
}

const OF_TYPES: Partial<Record<keyof Parameter, ParameterType[]>> = {
  multiple: ["enum"],
  options: ["enum", "identifier"],
  options_query: ["enum"],
  pattern: ["text"],
  bound_as: ["date_range"],
};

function misplaced(definition: Parameter): Wrong[] {
  return Object.entries(OF_TYPES).flatMap(([field, types]): Wrong[] => {
    const value = definition[field as keyof typeof OF_TYPES];
    if (value === undefined || value === false || types.includes(definition.type)) return [];
    return [[field, `${field} is of ${types.join(" and ")}, not of ${definition.type}`]];
  });
}

function checkOptions(definition: Parameter): Wrong[] {
  const { type, options, options_query } = definition;
  if (type !== "enum" && type !== "identifier") return [];
  if (options !== undefined && options_query !== undefined) {
    return [["options", "the options are either a list or the rows of a query, not both"]];
  }
  if (options_query === undefined && (options ?? []).length === 0) {
    const words = type === "enum" ? "options, or options_query" : "options: the names allowed";
    return [["options", `it needs ${words}`]];
  }
  if (type === "enum") return [];
  const bad = optionValues(definition).find((value) => identifierParts(value) === null);
  if (bad === undefined) return [];
  return [
    ["options", `“${bad}” is no name: write table, schema.table, or "a.name" with a dot in it`],
  ];
}

function checkDependencies(definition: Parameter, all: readonly Parameter[]): Wrong[] {
  const depends_on = definition.options_query?.depends_on ?? [];
  const field = "options_query.depends_on";
  const unknown = depends_on.find((name) => !all.some((each) => each.name === name));
  if (unknown !== undefined) return [[field, `there is no parameter called “${unknown}”`]];
  if (reaches(definition.name, depends_on, all)) {
    return [[field, "the dropdowns depend on each other in a circle"]];
  }
  return [];
}

function reaches(goal: string, from: readonly string[], all: readonly Parameter[]): boolean {
  const seen = new Set<string>();
  const open = [...from];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (name === goal) return true;
    if (seen.has(name)) continue;
    seen.add(name);
    open.push(...(all.find((each) => each.name === name)?.options_query?.depends_on ?? []));
  }
  return false;
}

function checkDefault(definition: Parameter): Wrong[] {
  if (definition.default === undefined || isAll(definition.default)) return [];
  try {
    boundValue(definition, definition.default, new Date());
    return [];
  } catch (error) {
    if (error instanceof ValueError) return [["default", `the default ${error.message}`]];
    throw error;
  }
}
