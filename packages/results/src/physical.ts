import type { Column } from "@quern/contract/results";

/** How the cells of a column are kept in Parquet; `text` is the engine's canonical text. */
export type Physical =
  | { kind: "bool" | "int2" | "int4" | "int8" | "float4" | "float8" }
  | { kind: "date" | "timestamp" | "timestamptz" | "text" }
  | { kind: "decimal"; precision: number; scale: number };

/** More digits do not fit 64 bits. */
export const MAX_DECIMAL_DIGITS = 18;

/** The storage that connectors choose for a column of this type; for results without rows, which have no file. */
export function physicalOf({ type, source_type }: Column): Physical {
  switch (type) {
    case "bool":
    case "int2":
    case "int4":
    case "int8":
    case "float4":
    case "float8":
    case "date":
    case "timestamp":
    case "timestamptz":
      return { kind: type };
    case "numeric":
      return decimalOf(source_type) ?? { kind: "text" };
    default:
      return { kind: "text" };
  }
}

/** `numeric(14,2)` as a decimal; null without a modifier, and for those that 64 bits do not hold. */
function decimalOf(sourceType: string): Physical | null {
  const modifier = /^numeric\((\d+),(-?\d+)\)$/.exec(sourceType);
  if (modifier === null) return null;
  const precision = Number(modifier[1]);
  const scale = Number(modifier[2]);
  if (precision > MAX_DECIMAL_DIGITS || scale < 0 || scale > precision) return null;
  return { kind: "decimal", precision, scale };
}
