/** Schemas of single settings. A value may come from YAML, or as text from the environment or a `${VAR}`. */
import { z } from "zod";

const UNITS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `30s`, `1m`, `2h`, `7d`, or a number of seconds; in milliseconds. Null when it is none. */
export function parseDuration(value: string | number): number | null {
  const [, digits, unit = "s"] = /^\s*(\d{1,9})\s*(ms|s|m|h|d)?\s*$/.exec(String(value)) ?? [];
  return digits === undefined ? null : Number(digits) * (UNITS[unit] ?? 1_000);
}

export function duration(bounds: { min_ms: number; max_ms: number }) {
  return z.union([z.string(), z.number()]).transform((value, context) => {
    const ms = parseDuration(value);
    if (ms === null) {
      context.addIssue("must be a time like 30s, 5m or 1h");
      return z.NEVER;
    }
    if (ms < bounds.min_ms || ms > bounds.max_ms) {
      context.addIssue(
        `must be from ${written(bounds.min_ms)} to ${written(bounds.max_ms)}, and is ${written(ms)}`,
      );
      return z.NEVER;
    }
    return ms;
  });
}

/** The largest unit that gives a whole number: 60,000 is `1m`. */
export function written(ms: number): string {
  const unit = ["d", "h", "m", "s"].find((it) => ms >= UNITS[it]! && ms % UNITS[it]! === 0) ?? "ms";
  return `${ms / UNITS[unit]!}${unit}`;
}

export function whole(bounds: { min: number; max: number }) {
  return z
    .union(
      [
        z.int(),
        z
          .string()
          .regex(/^\d{1,15}$/, "must be a whole number")
          .transform(Number),
      ],
      {
        error: "must be a whole number",
      },
    )
    .pipe(
      z
        .number()
        .min(bounds.min, `must be at least ${bounds.min}`)
        .max(bounds.max, `must be at most ${bounds.max}`),
    );
}

export const yesOrNo = z.union(
  [z.boolean(), z.enum(["true", "false"]).transform((value) => value === "true")],
  { error: "must be true or false" },
);

/** A list, or the same as text with commas. */
export function list<Item extends z.ZodType<unknown, string>>(item: Item, max: number) {
  return z
    .union(
      [z.array(z.string()), z.string().transform((text) => text.split(",").map((it) => it.trim()))],
      { error: "must be a list" },
    )
    .transform((items) => items.filter((it) => it !== ""))
    .pipe(z.array(item).max(max));
}

/** 256MiB, 100MB, 1GiB, or a number of bytes. */
export const bytes = z.union([z.string(), z.number()]).transform((value, context) => {
  const [, digits, unit = ""] = /^\s*(\d{1,15})\s*([KMG]i?B)?\s*$/i.exec(String(value)) ?? [];
  if (digits === undefined) {
    context.addIssue("must be a size like 256MiB, or a number of bytes");
    return z.NEVER;
  }
  const power = " KMG".indexOf(unit.charAt(0).toUpperCase() || " ");
  return Number(digits) * (/i/i.test(unit) ? 1024 : 1000) ** power;
});
