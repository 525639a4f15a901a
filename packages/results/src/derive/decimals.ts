/** Sums and means of decimals of any length, with the special values of PostgreSQL's numeric. */

export type Sum = {
  /** A plain decimal, NaN, Infinity or -Infinity. */
  add(text: string): void;
  /** With as many digits after the point as the addend with the most, at least `scale`. */
  text(scale?: number): string;
};

export function decimalSum(): Sum {
  let scale = 0;
  let total = 0n;
  const seen = { NaN: false, Infinity: false, "-Infinity": false };
  return {
    add(text) {
      if (text in seen) {
        seen[text as keyof typeof seen] = true;
        return;
      }
      const { digits, places } = unscaled(text);
      if (places > scale) {
        total *= 10n ** BigInt(places - scale);
        scale = places;
      }
      total += digits * 10n ** BigInt(scale - places);
    },
    text(least = 0) {
      if (seen.NaN || (seen.Infinity && seen["-Infinity"])) return "NaN";
      if (seen.Infinity) return "Infinity";
      if (seen["-Infinity"]) return "-Infinity";
      const places = Math.max(scale, least);
      return scaled(total * 10n ** BigInt(places - scale), places);
    },
  };
}

const MEAN_PLACES = 16;

/** The mean of `count` values with this sum: 16 digits after the point, or as many as the sum has; zeros at the end left out. */
export function decimalMean(sum: string, count: number): string {
  if (!/^-?\d/.test(sum)) return sum;
  const { digits, places } = unscaled(sum);
  const target = Math.max(MEAN_PLACES, places);
  const numerator = digits * 10n ** BigInt(target - places);
  const divisor = BigInt(count);
  const half = numerator < 0n ? -divisor / 2n : divisor / 2n;
  const mean = scaled((numerator + half) / divisor, target);
  return mean.includes(".") ? mean.replace(/\.?0+$/, "") : mean;
}

function unscaled(text: string): { digits: bigint; places: number } {
  const point = text.indexOf(".");
  if (point === -1) return { digits: BigInt(text), places: 0 };
  return {
    digits: BigInt(text.slice(0, point) + text.slice(point + 1)),
    places: text.length - point - 1,
  };
}

function scaled(value: bigint, places: number): string {
  if (places === 0) return String(value);
  const digits = String(value < 0n ? -value : value).padStart(places + 1, "0");
  return `${value < 0n ? "-" : ""}${digits.slice(0, -places)}.${digits.slice(-places)}`;
}
