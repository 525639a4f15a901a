import type { Parameter, ParameterValue, RunParameter } from "@quern/contract/parameters";
import { type AddressQuery, writeValue } from "./address.ts";

const BOUND_AS = ["date", "timestamp", "timestamptz"] as const;

/** Definitions by which the SQL of a run that was never saved runs again; its own are not kept with it. */
export function definitionsOfRun(params: readonly RunParameter[]): Parameter[] {
  return params.map(({ name, type, given, bound }) => {
    if (type === "date_range") {
      const bound_as = BOUND_AS.find((each) => each === bound[0]?.sql_type);
      return bound_as === undefined ? { name, type } : { name, type, bound_as };
    }
    if (type !== "enum" && type !== "identifier") return { name, type };
    const options = textsOf(given).map((value) => ({ value }));
    return Array.isArray(given) ? { name, type, multiple: true, options } : { name, type, options };
  });
}

/** The values of a run as parts of the page's address. */
export function addressOfRun(params: readonly RunParameter[]): AddressQuery {
  return params.reduce<AddressQuery>(
    (address, { name, given }) => ({ ...address, ...writeValue(name, given) }),
    {},
  );
}

function textsOf(value: ParameterValue): string[] {
  if (Array.isArray(value)) return value;
  return typeof value === "string" ? [value] : [];
}
