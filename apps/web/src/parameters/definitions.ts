import type { Parameter, ParameterType } from "@quern/contract/parameters";
import { t } from "../i18n/language.ts";

/** A `{{ name }}` of the SQL; `part` is of `{{ name.start }}` and `{{ name.end }}`. */
export type Use = { name: string; part: "start" | "end" | null };

/** What a `{{ }}` that nobody has defined yet is taken for: a range when the SQL asks for its ends, else text. */
function guess(uses: Use[], name: string): Parameter {
  const isRange = uses.some((use) => use.name === name && use.part !== null);
  return { name, type: isRange ? "date_range" : "text" };
}

/**
 * The parameters that a text has: those known, in their order, as far as the text uses them, then the new ones in the
 * order in which they appear. A definition whose `{{ }}` is gone is not among them, and is still in `known`.
 */
export function parametersInUse(uses: Use[], known: Parameter[]): Parameter[] {
  const used = new Set(uses.map((use) => use.name));
  const kept = known.filter((parameter) => used.has(parameter.name));
  const names = new Set(kept.map((parameter) => parameter.name));
  const fresh = [...used].filter((name) => !names.has(name)).map((name) => guess(uses, name));
  return [...kept, ...fresh];
}

/** `known` with `changed` in the place of the parameter called `name`, or at the end. */
export function withDefinition(known: Parameter[], name: string, changed: Parameter): Parameter[] {
  return known.some((each) => each.name === name)
    ? known.map((each) => (each.name === name ? changed : each))
    : [...known, changed];
}

/** `shown` with the parameter called `name` moved by `step` places. */
export function moved(shown: Parameter[], name: string, step: -1 | 1): Parameter[] {
  const from = shown.findIndex((each) => each.name === name);
  const to = from + step;
  const next = [...shown];
  const [taken] = next.splice(from, 1);
  if (from === -1 || to < 0 || to >= shown.length || taken === undefined) return shown;
  next.splice(to, 0, taken);
  return next;
}

const OF_TYPE: Partial<Record<keyof Parameter, ParameterType[]>> = {
  multiple: ["enum"],
  options: ["enum", "identifier"],
  options_query: ["enum"],
  pattern: ["text"],
  bound_as: ["date_range"],
  time_zone: ["date_range", "timestamptz"],
};

/** The parameter as another type: what does not belong to that type is left out, the default too. */
export function retyped(parameter: Parameter, type: ParameterType): Parameter {
  const next: Parameter = { ...parameter, type };
  if (type !== parameter.type) delete next.default;
  for (const [key, types] of Object.entries(OF_TYPE))
    if (!types.includes(type)) delete next[key as keyof typeof OF_TYPE];
  return next;
}

export const TYPE_WORDS: Record<ParameterType, string> = {
  text: t("Text"),
  int8: t("Whole number"),
  numeric: t("Decimal number"),
  float8: t("Floating-point number"),
  boolean: t("Yes or no"),
  date: t("Date"),
  timestamp: t("Time without a zone"),
  timestamptz: t("Time with a zone"),
  date_range: t("Date range"),
  enum: t("Choice"),
  identifier: t("Name of a table or column"),
};

/** What the control of a parameter is called. */
export function labelOf(parameter: Pick<Parameter, "name" | "label">): string {
  if (parameter.label !== undefined && parameter.label.trim() !== "") return parameter.label;
  const words = parameter.name.replaceAll("_", " ").trim();
  return words === "" ? parameter.name : words[0]!.toUpperCase() + words.slice(1);
}
