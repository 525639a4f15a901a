/** Decimal numbers as the engine writes them, of any length, without ever becoming binary ones. */

/** The value is `digits` × 10^-`scale`, negated where `negative`; `digits` has no zeros in front, and is `0` for nought. */
export type Decimal = { negative: boolean; digits: string; scale: number };

const DECIMAL = /^([+-]?)(\d+)?(?:\.(\d*))?(?:[eE]([+-]?\d{1,5}))?$/;

/** Reads `12.50`, `-3`, `.5`, `1e-7`; null for all else, NaN and Infinity too. */
export function parseDecimal(text: string): Decimal | null {
  const match = DECIMAL.exec(text.trim());
  const whole = match?.[2] ?? "";
  const fraction = match?.[3] ?? "";
  if (match === null || whole + fraction === "") return null;
  const digits = (whole + fraction).replace(/^0+(?=\d)/, "");
  return {
    negative: match[1] === "-" && /[1-9]/.test(digits),
    digits,
    scale: fraction.length - Number(match[4] ?? 0),
  };
}

/** The number times 10^`places`. */
export function shift(value: Decimal, places: number): Decimal {
  return { ...value, scale: value.scale - places };
}

/** Without an exponent: `-1200`, `0.0035`. Zeros at the end of the fraction stay. */
export function plainDecimal({ negative, digits, scale }: Decimal): string {
  const sign = negative ? "-" : "";
  if (scale <= 0) return sign + (digits === "0" ? "0" : digits + "0".repeat(-scale));
  const padded = digits.padStart(scale + 1, "0");
  return `${sign}${padded.slice(0, -scale)}.${padded.slice(-scale)}`;
}

/** How many digits stand before the point; 0 or less for what is below one, and for nought. */
export function magnitude({ digits, scale }: Decimal): number {
  return digits === "0" ? 0 : digits.length - scale;
}

/** Less than 0, 0 or more than 0, exactly. */
export function compareDecimals(a: Decimal, b: Decimal): number {
  if (a.negative !== b.negative) return a.negative ? -1 : 1;
  const sign = a.negative ? -1 : 1;
  const zero = [a, b].map(({ digits }) => /^0*$/.test(digits));
  if (zero[0] || zero[1]) return zero[0] === zero[1] ? 0 : zero[0] ? -sign : sign;
  const size = magnitude(a) - magnitude(b);
  if (size !== 0) return sign * size;
  const length = Math.max(a.digits.length, b.digits.length);
  const [x, y] = [a.digits.padEnd(length, "0"), b.digits.padEnd(length, "0")];
  return x === y ? 0 : x < y ? -sign : sign;
}
