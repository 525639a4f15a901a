import { t } from "../i18n/language.ts";
import { formatDecimal } from "./count.ts";

/** What a byte is called after its prefix: `Go` in French. */
const BYTE = t("B", { as: "byte" });
const UNITS = ["", "k", "M", "G", "T"].map((prefix) => `${prefix}${BYTE}`);

/** `bytes` in decimal units: `812 B`, `3.2 MB`, `41 GB`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit > 0 && value < 9.95 ? 1 : 0;
  return `${formatDecimal(value, digits)} ${UNITS[unit]}`;
}

const BINARY: [number, string][] = [
  [1024 ** 3, `Gi${BYTE}`],
  [1024 ** 2, `Mi${BYTE}`],
  [1024, `Ki${BYTE}`],
];

/** A limit, which is usually set in binary units: `256 MiB`, `20 GiB`; others as `formatBytes`. */
export function formatByteLimit(bytes: number): string {
  const unit = BINARY.find(([size]) => bytes % size === 0);
  return unit ? `${bytes / unit[0]} ${unit[1]}` : formatBytes(bytes);
}

const FACTORS: Record<string, number> = { b: 1, kb: 1e3, mb: 1e6, gb: 1e9, tb: 1e12 };
Object.assign(FACTORS, { kib: 1024, mib: 1024 ** 2, gib: 1024 ** 3 });

/** Reads `256 MiB`, `20 GB` (French `20 Go`), `1024` (bytes) as a whole number of bytes; null when it is none. */
export function parseBytes(text: string): number | null {
  const match = /^\s*(\d+(?:[.,]\d+)?)\s*([kmgt]i?[bo]|[bo])?\s*$/i.exec(text);
  const factor = FACTORS[match?.[2]?.toLowerCase().replace("o", "b") ?? "b"];
  return match && factor ? Math.round(Number(match[1]?.replace(",", ".")) * factor) : null;
}
