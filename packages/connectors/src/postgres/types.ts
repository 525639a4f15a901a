import type { Storage } from "@quern/contract/batch";
import type { ColumnType } from "@quern/contract/results";

/** Types whose name does not depend on a catalog look-up, by oid: the name as `format_type` gives it. */
const NAMES: Record<number, string> = {
  16: "boolean",
  17: "bytea",
  18: '"char"',
  19: "name",
  20: "bigint",
  21: "smallint",
  23: "integer",
  25: "text",
  26: "oid",
  114: "json",
  142: "xml",
  650: "cidr",
  700: "real",
  701: "double precision",
  705: "unknown",
  829: "macaddr",
  869: "inet",
  1000: "boolean[]",
  1007: "integer[]",
  1009: "text[]",
  1016: "bigint[]",
  1082: "date",
  2205: "regclass",
  2278: "void",
  2950: "uuid",
  3614: "tsvector",
  3802: "jsonb",
};

const TYPES: Record<number, ColumnType> = {
  16: "bool",
  17: "bytea",
  18: "text",
  19: "text",
  20: "int8",
  21: "int2",
  23: "int4",
  25: "text",
  114: "json",
  700: "float4",
  701: "float8",
  1042: "text",
  1043: "text",
  1082: "date",
  1083: "time",
  1114: "timestamp",
  1184: "timestamptz",
  1186: "interval",
  1700: "numeric",
  2950: "uuid",
  3802: "json",
};

export const PARAMETER_OIDS = {
  text: 25,
  "text[]": 1009,
  int8: 20,
  numeric: 1700,
  float8: 701,
  bool: 16,
  date: 1082,
  timestamp: 1114,
  timestamptz: 1184,
} as const;

export function columnType(oid: number): ColumnType {
  return TYPES[oid] ?? "other";
}

/** The type's name with modifiers; null when only the catalog knows it. */
export function sourceType(oid: number, typmod: number): string | null {
  const name = NAMES[oid];
  if (name !== undefined) return name;
  switch (oid) {
    case 1042:
      return typmod > 4 ? `character(${typmod - 4})` : null;
    case 1043:
      return typmod >= 4 ? `character varying(${typmod - 4})` : "character varying";
    case 1700: {
      if (typmod < 4) return "numeric";
      const { precision, scale } = numericModifier(typmod);
      return `numeric(${precision},${scale})`;
    }
    case 1083:
      return typmod >= 0 ? `time(${typmod}) without time zone` : "time without time zone";
    case 1114:
      return typmod >= 0 ? `timestamp(${typmod}) without time zone` : "timestamp without time zone";
    case 1184:
      return typmod >= 0 ? `timestamp(${typmod}) with time zone` : "timestamp with time zone";
    case 1186:
      return typmod === -1 ? "interval" : null;
    default:
      return null;
  }
}

const FIXED: Record<number, Storage> = {
  16: { kind: "bool" },
  20: { kind: "int8" },
  21: { kind: "int2" },
  23: { kind: "int4" },
  700: { kind: "float4" },
  701: { kind: "float8" },
  1082: { kind: "date" },
  1114: { kind: "timestamp" },
  1184: { kind: "timestamptz" },
};

/** How a column's cells are kept: fixed width where that is exact, the server's text for the rest. */
export function storageOf(oid: number, typmod: number): Storage {
  if (oid === 1700 && typmod >= 4) {
    const { precision, scale } = numericModifier(typmod);
    if (precision <= 18 && scale >= 0 && scale <= precision) return { kind: "decimal", scale };
  }
  return FIXED[oid] ?? { kind: "text" };
}

/** Decimals and text are sent as text, the other storages as binary. */
export function formatCode(storage: Storage): 0 | 1 {
  return storage.kind === "text" || storage.kind === "decimal" ? 0 : 1;
}

function numericModifier(typmod: number): { precision: number; scale: number } {
  const modifier = typmod - 4;
  // The scale is an 11-bit two's complement number since PostgreSQL 15.
  return { precision: (modifier >> 16) & 0xffff, scale: ((modifier & 0x7ff) ^ 1024) - 1024 };
}
