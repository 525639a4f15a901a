/** Numbers as people and programs write them, to what PostgreSQL is sent: always written anew from what was read. */
import type { ParameterValue } from "../parameters.ts";
import { ValueError } from "./errors.ts";

const INTEGER = /^[+-]?[0-9]{1,100}$/;
const DECIMAL = /^([+-]?)([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]{1,4}))?$/;
const INT8_MIN = -(2n ** 63n);
const INT8_MAX = 2n ** 63n - 1n;
/** What a numeric of PostgreSQL can hold before and behind the point. */
const MAX_WHOLE_DIGITS = 131_072;
const MAX_FRACTION_DIGITS = 16_383;
const MAX_EXPONENT = 308;

/** The digits of a whole number from -2^63 to 2^63 - 1. */
export function int8Text(value: ParameterValue): string {
  const text = numberText(value, "a whole number");
  if (!INTEGER.test(text)) throw new ValueError("must be a whole number, such as 42 or -7");
  const parsed = BigInt(text.startsWith("+") ? text.slice(1) : text);
  if (parsed < INT8_MIN || parsed > INT8_MAX) {
    throw new ValueError(`must be from ${INT8_MIN} to ${INT8_MAX}`);
  }
  return parsed.toString();
}

/** The decimal digits, without an exponent; zeros at the end are kept, since they say the scale. */
export function numericText(value: ParameterValue): string {
  const { sign, whole, fraction, exponent } = decimalParts(numberText(value, "a number"));
  if (Math.abs(exponent) > MAX_EXPONENT) {
    throw new ValueError(`must have an exponent from -${MAX_EXPONENT} to ${MAX_EXPONENT}`);
  }
  const digits = whole + fraction;
  const point = whole.length + exponent;
  const before = point > 0 ? digits.slice(0, point).padEnd(point, "0") : "";
  const behind = point >= 0 ? digits.slice(point) : "0".repeat(-point) + digits;
  const wholeDigits = before.replace(/^0+/, "");
  if (wholeDigits.length > MAX_WHOLE_DIGITS || behind.length > MAX_FRACTION_DIGITS) {
    throw new ValueError(
      `must have at most ${MAX_WHOLE_DIGITS} digits before the point and ${MAX_FRACTION_DIGITS} behind it`,
    );
  }
  const unsigned = (wholeDigits || "0") + (behind === "" ? "" : `.${behind}`);
  return /[1-9]/.test(unsigned) ? sign + unsigned : unsigned;
}

/** The shortest text of the double that is nearest to what was written. */
export function float8Text(value: ParameterValue): string {
  const text = numberText(value, "a number");
  const { whole, fraction } = decimalParts(text);
  const parsed = Number(text);
  if (!Number.isFinite(parsed) || (parsed === 0 && /[1-9]/.test(whole + fraction))) {
    throw new ValueError("is beyond what a double can hold (about 1e-308 to 1e308)");
  }
  return Object.is(parsed, -0) ? "-0" : String(parsed);
}

function numberText(value: ParameterValue, what: string): string {
  if (typeof value === "string") return value.replace(/^ +| +$/g, "");
  if (typeof value !== "number") throw new ValueError(`must be ${what}, as JSON or as text`);
  if (!Number.isFinite(value)) throw new ValueError(`must be ${what}`);
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
    throw new ValueError(
      "is beyond 2^53, where JSON numbers lose digits: send it as text, in quotes",
    );
  }
  return String(value);
}

function decimalParts(text: string) {
  const found = DECIMAL.exec(text);
  const [, sign = "", whole = "", fraction = "", exponent = "0"] = found ?? [];
  if (found === null || whole + fraction === "") {
    throw new ValueError("must be a number in digits, such as 3.14 or -2e5");
  }
  return { sign: sign === "-" ? "-" : "", whole, fraction, exponent: Number(exponent) };
}
