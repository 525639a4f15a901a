import { measure } from "../engine/values.ts";

/** Seconds since 1970 with a fraction, as `2026-03-01T10:00:00.500000Z`. */
export function instant(seconds: string | null | undefined): string | null {
  const number = measure(seconds);
  if (number === null || number <= 0) return null;
  const whole = Math.floor(number);
  const micros = Math.min(999_999, Math.round((number - whole) * 1e6));
  const date = new Date(whole * 1_000).toISOString().slice(0, 19);
  return `${date}.${String(micros).padStart(6, "0")}Z`;
}
