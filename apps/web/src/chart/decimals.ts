import { parseDecimal, plainDecimal } from "../format/decimal.ts";

/** Two texts of decimal numbers as whole numbers of the same unit; null when one is no number. */
function aligned(a: string, b: string): { left: bigint; right: bigint; scale: number } | null {
  const [x, y] = [parseDecimal(a), parseDecimal(b)];
  if (x === null || y === null) return null;
  const scale = Math.max(x.scale, y.scale, 0);
  const units = (of: typeof x) =>
    BigInt((of.negative ? "-" : "") + of.digits) * 10n ** BigInt(scale - of.scale);
  return { left: units(x), right: units(y), scale };
}

const write = (units: bigint, scale: number): string =>
  plainDecimal({ negative: units < 0n, digits: String(units < 0n ? -units : units), scale });

/** The sum of two decimal numbers, exact; NaN where one is none. */
export function addDecimals(a: string, b: string): string {
  // Most numbers are small and whole, and there may be 50,000 of them.
  const quick = Number(a) + Number(b);
  if (Number.isSafeInteger(quick) && isShortWhole(a) && isShortWhole(b)) return String(quick);
  const both = aligned(a, b);
  return both === null ? "NaN" : write(both.left + both.right, both.scale);
}

const isShortWhole = (text: string): boolean => text.length < 15 && /^-?\d+$/.test(text);

/** `a` − `b`, exact; NaN where one is no number. */
export function subtractDecimals(a: string, b: string): string {
  const both = aligned(a, b);
  return both === null ? "NaN" : write(both.left - both.right, both.scale);
}

/** Negative, zero or positive, as `a` is less than, equal to or greater than `b`: exact beyond 2^53. */
export function compareDecimals(a: string, b: string): number {
  const quick = Number(a) - Number(b);
  if (Math.abs(quick) > Math.abs(Number(a)) * 1e-9) return quick;
  const both = aligned(a, b);
  if (both === null) return quick;
  return both.left < both.right ? -1 : both.left > both.right ? 1 : 0;
}
