import type { Parameter, ParameterValue } from "@quern/contract/parameters";
import { isAll } from "./address.ts";
import { rangeWords } from "./ranges.ts";

/** A value as a person reads it: `All`, `NULL`, `Last 7 days`, `Yes`, `ATL, ORD`, the label of an option. */
export function valueWords(
  parameter: Pick<Parameter, "options">,
  value: ParameterValue | undefined,
): string {
  if (value === undefined) return "none";
  if (value === null) return "NULL";
  if (isAll(value)) return "All";
  if (typeof value === "boolean") return value ? "Yes" : "No";
  if (Array.isArray(value))
    return value.length === 0 ? "none" : value.map((each) => named(parameter, each)).join(", ");
  if (typeof value === "object") return rangeWords(value) ?? "none";
  return value === "" ? "empty text" : named(parameter, String(value));
}

function named(parameter: Pick<Parameter, "options">, value: string): string {
  return parameter.options?.find((each) => each.value === value)?.label ?? value;
}
