/** The parameter engine of the server, asked one question at a time: what a text has, and what is wrong, in words. */
import type {
  Parameter,
  ParameterValue,
  ParameterValues,
  RelativeRange,
} from "@quern/contract/parameters";
import { checkParameters } from "@quern/contract/parameters/definitions";
import { ParametersError, ValueError } from "@quern/contract/parameters/errors";
import { resolveParameters } from "@quern/contract/parameters/resolve";
import { readTemplate, type Template } from "@quern/contract/parameters/template";
import { boundValue } from "@quern/contract/parameters/value";

/** Names whose uses all stand in `[[ ]]`: a run may leave them out. */
export function optionalNames({ uses }: Pick<Template, "uses">): Set<string> {
  const needed = new Set(uses.filter((use) => use.block === null).map((use) => use.name));
  return new Set(uses.map((use) => use.name).filter((name) => !needed.has(name)));
}

/** The smallest text that uses a parameter as its query does. */
function smallestSql({ name, type }: Parameter, optional: boolean): string {
  const use = type === "date_range" ? `{{ ${name}.start }} {{ ${name}.end }}` : `{{ ${name} }}`;
  return optional ? `[[ ${use} ]]` : use;
}

/** Without the name in front, which the reader sees: `“city” must be text.` is `Must be text.` */
function sentence(name: string, message: string): string {
  const words = message.replace(`“${name}”`, "").replace(/^:?\s+/, "");
  return words.slice(0, 1).toUpperCase() + words.slice(1);
}

/** What is wrong with a value, in words; null when a run would take it. `optional`: all uses stand in `[[ ]]`. */
export function troubleOf(
  parameter: Parameter,
  value: ParameterValue | undefined,
  optional: boolean,
): string | null {
  const { name, default: _usual, ...rest } = parameter;
  const values: ParameterValues = value === undefined ? {} : { [name]: value };
  try {
    resolveParameters(smallestSql(parameter, optional), [{ name, ...rest }], values);
    return null;
  } catch (error) {
    if (!(error instanceof ParametersError)) throw error;
    const found = error.problems.find(({ path }) => path === `params.${name}`);
    return found === undefined ? null : sentence(name, found.message);
  }
}

/** What is wrong with a definition among `all`, in words; null when it can be saved. */
export function definitionTrouble(parameter: Parameter, all: Parameter[]): string | null {
  const path = `params.${all.findIndex((each) => each.name === parameter.name)}.`;
  const found = checkParameters("", all).filter((problem) => problem.path.startsWith(path));
  return found.length === 0
    ? null
    : `${found.map(({ message }) => sentence(parameter.name, message)).join(". ")}.`;
}

/** `2026-11-14 → 2026-11-21`: the ends of a moving range at `now`, in ms; null when it has none. The end is not in it. */
export function resolvedWords(
  parameter: Parameter,
  range: RelativeRange,
  now: number,
): string | null {
  try {
    const ends = boundValue(parameter, range, new Date(now)).map(({ value }) => shortTime(value));
    return ends.join(" → ");
  } catch (error) {
    if (error instanceof ValueError) return null;
    throw error;
  }
}

function shortTime(value: string | string[] | null): string {
  return String(value).replace(/T(\d\d:\d\d):00(?:\.0+)?(Z?)$/, " $1$2");
}

export { readTemplate };
