import type { Cell, Column } from "@quern/contract/results";
import { formatDate, formatDecimal, formatFloat, formatFloat4, formatTimestamp } from "./format.ts";
import type { StoredCell, StoredKind } from "./part.ts";

/** Turns a stored value of this column into its lossless JSON value. */
export function cellFormat(column: Column, stored: StoredKind): (value: StoredCell) => Cell {
  const format = valueFormat(column, stored);
  return (value) => (value === null || value === undefined ? null : format(value));
}

function valueFormat(
  column: Column,
  stored: StoredKind,
): (value: Exclude<StoredCell, null>) => Cell {
  switch (stored.kind) {
    case "decimal":
      return (value) => formatDecimal(BigInt(value), stored.scale);
    case "date":
      return (value) => formatDate(Number(value));
    case "timestamp":
      return (value) => formatTimestamp(BigInt(value), "");
    case "timestamptz":
      return (value) => formatTimestamp(BigInt(value), "+00");
    default:
      if (column.type === "float4") return (value) => formatFloat4(Number(value));
      if (column.type === "float8") return (value) => formatFloat(Number(value));
      return (value) => (typeof value === "bigint" ? String(value) : value);
  }
}
