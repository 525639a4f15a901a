import type { Encoding, SchemaElement } from "hyparquet";
import { MAX_DECIMAL_DIGITS, type Physical } from "./physical.ts";

/** The Parquet column of a storage kind. */
export function parquetElement(
  name: string,
  storage: { kind: string; precision?: number; scale?: number },
): SchemaElement {
  const base = { name, repetition_type: "OPTIONAL" } as const;
  switch (storage.kind) {
    case "bool":
      return { ...base, type: "BOOLEAN" };
    case "int2":
      return { ...base, type: "INT32", converted_type: "INT_16" };
    case "int4":
      return { ...base, type: "INT32" };
    case "int8":
      return { ...base, type: "INT64" };
    case "float4":
      return { ...base, type: "FLOAT" };
    case "float8":
      return { ...base, type: "DOUBLE" };
    case "date":
      return { ...base, type: "INT32", converted_type: "DATE" };
    case "decimal": {
      const { precision = MAX_DECIMAL_DIGITS, scale = 0 } = storage;
      return { ...base, type: "INT64", converted_type: "DECIMAL", precision, scale };
    }
    case "timestamp":
    case "timestamptz":
      return {
        ...base,
        type: "INT64",
        logical_type: {
          type: "TIMESTAMP",
          isAdjustedToUTC: storage.kind === "timestamptz",
          unit: "MICROS",
        },
      };
    default:
      return { ...base, type: "BYTE_ARRAY", converted_type: "UTF8" };
  }
}

/** The storage kind of a Parquet column. */
export function physicalOfElement(element: SchemaElement): Physical {
  if (element.converted_type === "DECIMAL") {
    const { precision = MAX_DECIMAL_DIGITS, scale = 0 } = element;
    return { kind: "decimal", precision, scale };
  }
  if (element.converted_type === "DATE") return { kind: "date" };
  if (element.logical_type?.type === "TIMESTAMP") {
    return { kind: element.logical_type.isAdjustedToUTC ? "timestamptz" : "timestamp" };
  }
  switch (element.type) {
    case "BOOLEAN":
      return { kind: "bool" };
    case "INT32":
      return { kind: element.converted_type === "INT_16" ? "int2" : "int4" };
    case "INT64":
      return { kind: "int8" };
    case "FLOAT":
      return { kind: "float4" };
    case "DOUBLE":
      return { kind: "float8" };
    default:
      return { kind: "text" };
  }
}

/** hyparquet-writer's dictionaries take 0 and -0 for one value, so floats must not have one. */
export function parquetEncoding(element: SchemaElement): Encoding | undefined {
  return element.type === "FLOAT" || element.type === "DOUBLE" ? "PLAIN" : undefined;
}
