/** Values of typed columns as PostgreSQL writes them, in ISO style and UTC. */

const DAY_MICROS = 86_400_000_000n;

/** Days since 1970-01-01 as `2026-11-21` or `4713-01-01 BC`. */
export function formatDate(days: number): string {
  const { text, bc } = calendarDate(days);
  return bc ? `${text} BC` : text;
}

/** Microseconds since 1970-01-01 as `2026-11-21 03:54:00.123456`, with `zone` after the time. */
export function formatTimestamp(micros: bigint, zone: "" | "+00"): string {
  let days = micros / DAY_MICROS;
  let rest = micros % DAY_MICROS;
  if (rest < 0n) {
    rest += DAY_MICROS;
    days -= 1n;
  }
  const { text, bc } = calendarDate(Number(days));
  return `${text} ${timeOfDay(Number(rest))}${zone}${bc ? " BC" : ""}`;
}

/** A scaled integer as a decimal with exactly `scale` digits after the point. */
export function formatDecimal(unscaled: bigint, scale: number): string {
  if (scale === 0) return String(unscaled);
  const negative = unscaled < 0n;
  const digits = String(negative ? -unscaled : unscaled).padStart(scale + 1, "0");
  const point = digits.length - scale;
  return `${negative ? "-" : ""}${digits.slice(0, point)}.${digits.slice(point)}`;
}

/** A float as JSON can hold it: a number, or text for NaN, the infinities and -0. */
export function formatFloat(value: number): number | string {
  if (Number.isFinite(value) && !Object.is(value, -0)) return value;
  if (Object.is(value, -0)) return "-0";
  if (Number.isNaN(value)) return "NaN";
  return value > 0 ? "Infinity" : "-Infinity";
}

/** The smallest 32-bit float of full precision; below it six digits may be more than are needed. */
const FLOAT4_MIN_NORMAL = 2 ** -126;
/** A tie ends after a few digits; any other float has digits beyond them before these end. */
const TIE_DIGITS = 50;

/** The shortest decimal that is this 32-bit float, as PostgreSQL finds it: 0.1, not 0.10000000149011612. */
export function formatFloat4(value: number): number | string {
  if (!Number.isFinite(value) || value === 0) return formatFloat(value);
  for (let digits = Math.abs(value) < FLOAT4_MIN_NORMAL ? 1 : 6; digits < 9; digits += 1) {
    const short = Number(value.toPrecision(digits));
    if (isNearest(short, value)) return evenOfTie(short, value, digits);
  }
  return Number(value.toPrecision(9));
}

/** Whether this float is nearer to `short` than any other is. */
function isNearest(short: number, float: number): boolean {
  // In the middle of two floats, the other one is as far on the other side.
  const mirrored = short + (short - float);
  return Math.fround(short) === float && (short === float || Math.fround(mirrored) !== mirrored);
}

/** Of two decimals just as near (514032.12 and .13 to .125) the even one; `toPrecision` gives the larger. */
function evenOfTie(short: number, float: number, digits: number): number {
  if (!/5(e|$)/.test(float.toPrecision(digits + 1))) return short;
  const [exact = "", exponent] = float.toExponential(TIE_DIGITS).split("e");
  const cut = exact.indexOf(".") + digits;
  const lower = Number(`${exact.slice(0, cut)}e${exponent}`);
  const isTie = /^50*$/.test(exact.slice(cut));
  return isTie && /[02468]\.?$/.test(exact.slice(0, cut)) && isNearest(lower, float)
    ? lower
    : short;
}

/** The proleptic Gregorian date; JavaScript's Date ends in the year 275760, PostgreSQL's dates do not. */
function calendarDate(daysSince1970: number): { text: string; bc: boolean } {
  // Counted from 0000-03-01, so that the leap day ends its year; 146,097 days are 400 years.
  const days = daysSince1970 + 719_468;
  const era = Math.floor(days / 146_097);
  const dayOfEra = days - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1_460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  );
  const dayOfYear =
    dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const marchMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * marchMonth + 2) / 5) + 1;
  const month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  const bc = year <= 0;
  const shown = String(bc ? 1 - year : year).padStart(4, "0");
  return { text: `${shown}-${two(month)}-${two(day)}`, bc };
}

function timeOfDay(micros: number): string {
  const seconds = Math.floor(micros / 1_000_000);
  const fraction = micros % 1_000_000;
  const clock = `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  return fraction === 0
    ? clock
    : `${clock}.${String(fraction).padStart(6, "0").replace(/0+$/, "")}`;
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}
