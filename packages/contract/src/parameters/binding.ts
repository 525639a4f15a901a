/** Which parameter of a dashboard may give its value to which parameter of a query. */
import type { Parameter, ParameterType } from "../parameters.ts";

/** Types whose every value is also one of these types, besides their own. */
const WIDER: Partial<Record<ParameterType, ParameterType[]>> = {
  text: ["enum"],
  enum: ["text", "identifier"],
  int8: ["numeric", "float8"],
  numeric: ["float8"],
  date: ["timestamp", "timestamptz"],
  timestamp: ["timestamptz"],
  timestamptz: ["timestamp"],
};

/** Whether a value of `from` can be a value of `to`. A list of options fits a list only, and one option only one. */
export function canBind(
  from: Pick<Parameter, "type" | "multiple">,
  to: Pick<Parameter, "type" | "multiple">,
): boolean {
  if ((from.multiple ?? false) !== (to.multiple ?? false)) return false;
  return from.type === to.type || (WIDER[from.type] ?? []).includes(to.type);
}
