import type { Cell } from "@quern/contract/results";
import type { Physical } from "../physical.ts";
import { formatDate, formatDecimal, formatFloat, formatFloat4, formatTimestamp } from "./format.ts";
import type { StoredCell } from "./part.ts";

/** Turns stored values of this kind into lossless JSON values. */
export function cellFormat(stored: Physical): (value: StoredCell) => Cell {
  const format = valueFormat(stored);
  return (value) => (value === null || value === undefined ? null : format(value));
}

function valueFormat(stored: Physical): (value: Exclude<StoredCell, null>) => Cell {
  switch (stored.kind) {
    case "decimal":
      return (value) => formatDecimal(BigInt(value), stored.scale);
    case "date":
      return (value) => formatDate(Number(value));
    case "timestamp":
      return (value) => formatTimestamp(BigInt(value), "");
    case "timestamptz":
      return (value) => formatTimestamp(BigInt(value), "+00");
    case "float4":
      return (value) => formatFloat4(Number(value));
    case "float8":
      return (value) => formatFloat(Number(value));
    case "int8":
      return String;
    default:
      return (value) => (typeof value === "bigint" ? String(value) : value);
  }
}
