import type { Parameter, ParameterValue } from "@quern/contract/parameters";
import { t } from "../i18n/language.ts";
import { troubleOf } from "./engine.ts";

/** A value that no control can hold, offered in the menu of the parameter. */
export type SpecialValue = {
  label: string;
  icon: string;
  value: ParameterValue;
};

const CANDIDATES: SpecialValue[] = [
  { label: t("All"), icon: "i-lucide-asterisk", value: { all: true } },
  { label: "NULL", icon: "i-lucide-circle-slash-2", value: null },
  { label: t("Empty text"), icon: "i-lucide-quote", value: "" },
];

/** Those that the engine takes for this parameter. `optional`: all its uses stand in `[[ ]]`. */
export function specialsOf(parameter: Parameter, optional: boolean): SpecialValue[] {
  return CANDIDATES.filter(
    (each) =>
      (each.value !== "" || parameter.type === "text") &&
      troubleOf(parameter, each.value, optional) === null,
  );
}
