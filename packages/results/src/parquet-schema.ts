import type { SchemaElement } from "hyparquet";

/** The Parquet column of a storage kind. */
export function parquetElement(
  name: string,
  storage: { kind: string; scale?: number },
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
      const scale = storage.scale ?? 0;
      return { ...base, type: "INT64", converted_type: "DECIMAL", precision: 18, scale };
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
