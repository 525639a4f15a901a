import type { Parameter, ParameterValue } from "@quern/contract/parameters";
import { t } from "../i18n/language.ts";
import { isAll } from "./address.ts";
import { rangeWords } from "./ranges.ts";

/** A value as a person reads it: `All`, `NULL`, `Last 7 days`, `Yes`, `ATL, ORD`, the label of an option. */
export function valueWords(
  parameter: Pick<Parameter, "options">,
  value: ParameterValue | undefined,
): string {
  if (value === undefined) return t("none");
  if (value === null) return "NULL";
  if (isAll(value)) return t("All");
  if (typeof value === "boolean") return value ? t("Yes") : t("No");
  if (Array.isArray(value))
    return value.length === 0 ? t("none") : value.map((each) => named(parameter, each)).join(", ");
  if (typeof value === "object") return rangeWords(value) ?? t("none");
  return value === "" ? t("empty text") : named(parameter, String(value));
}

function named(parameter: Pick<Parameter, "options">, value: string): string {
  return parameter.options?.find((each) => each.value === value)?.label ?? value;
}
