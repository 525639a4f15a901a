import { z } from "zod";

/** True when PostgreSQL can store `value` as text: no NUL, no lone surrogate. */
export function isStorableText(value: string): boolean {
  return !value.includes("\u0000") && value.isWellFormed();
}

/** `value` with NUL and lone surrogates replaced by U+FFFD, so that PostgreSQL can store it. */
export function storableText(value: string): string {
  return isStorableText(value) ? value : value.replaceAll("\u0000", "\uFFFD").toWellFormed();
}

/** A string of at most `max` UTF-16 code units that PostgreSQL can store. */
export function text(max: number) {
  return z.string().max(max).refine(isStorableText, {
    message: "must not contain a NUL character or half of a surrogate pair",
  });
}

/** A name a person gives to a thing: 1 to 200 characters, no control characters, not only blanks. */
export const name = text(200)
  .min(1)
  .refine((value) => value.trim() !== "", { message: "must not be blank" })
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it refuses
  .refine((value) => !/[\u0001-\u001f\u007f]/.test(value), {
    message: "must not contain control characters",
  });

export const id = z.uuid();

/** An instant in ISO 8601, UTC, milliseconds: `2026-11-21T03:54:46.120Z`. */
export const instant = z.iso.datetime();

export const email = text(254).pipe(z.email()).describe("An e-mail address");

/** 8 to 1024 characters, taken exactly as sent (ASVS 5.0, 6.2.1, 6.2.8, 6.2.9). */
export const newPassword = text(1024).min(8, "must have at least 8 characters");

/** Opaque position in a list: pass `next_cursor` of one page to get the next. */
export const cursor = text(500).optional();

/** A page of a list; `next_cursor` is null on the last one. */
export function page<T extends z.ZodType>(item: T) {
  return z.strictObject({ items: z.array(item), next_cursor: z.string().nullable() });
}

/** Query strings carry text only: a whole number within bounds, written in decimal digits. */
export function wholeNumber(bounds: { min: number; max: number }) {
  return z
    .string()
    .regex(/^\d{1,15}$/, "must be a whole number")
    .transform(Number)
    .pipe(z.number().int().min(bounds.min).max(bounds.max));
}
