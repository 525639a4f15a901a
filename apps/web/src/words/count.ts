const whole = new Intl.NumberFormat("en");
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

/** A whole number with separators: `1,204,331`. */
export function formatCount(count: number): string {
  return whole.format(count);
}

/** An estimate in short: `1.2M`. Show the exact number on hover. */
export function formatEstimate(count: number): string {
  return compact.format(count);
}

/** `1 row`, `1,204 rows`. */
export function countOf(count: number, noun: string, plural = `${noun}s`): string {
  return `${formatCount(count)} ${count === 1 ? noun : plural}`;
}

/** Reads `100000`, `100,000`, `100k`, `2.5 M` as a whole number; null when it is none. */
export function parseCount(text: string): number | null {
  const match = /^\s*(\d[\d,\s_]*(?:\.\d+)?)\s*(k|m)?\s*$/i.exec(text);
  if (!match?.[1]) return null;
  const factor = match[2] ? (match[2].toLowerCase() === "k" ? 1_000 : 1_000_000) : 1;
  return Math.round(Number(match[1].replace(/[,\s_]/g, "")) * factor);
}
