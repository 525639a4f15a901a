/** How often a dashboard reads its tiles anew, as the address says it: `refresh=30s`, `refresh=off`. */
import { t } from "../i18n/language.ts";

export const REFRESH_CHOICES = [5, 10, 30, 60, 300, 900, 1_800, 3_600] as const;

const UNITS = { s: 1, m: 60, h: 3_600 } as const;

/** `5s`, `10m`, `1h`; null is `off`. */
export function refreshText(seconds: number | null): string {
  if (seconds === null) return "off";
  if (seconds % 3_600 === 0) return `${seconds / 3_600}h`;
  return seconds % 60 === 0 ? `${seconds / 60}m` : `${seconds}s`;
}

/** Seconds, from 5 to a day; null for `off`; undefined when the text says neither, so that the dashboard's own holds. */
export function parseRefresh(text: string | null): number | null | undefined {
  if (text === "off") return null;
  const match = /^(\d{1,5})([smh]?)$/.exec(text ?? "");
  if (match === null) return undefined;
  const seconds = Number(match[1]) * UNITS[(match[2] || "s") as keyof typeof UNITS];
  return seconds >= 5 && seconds <= 86_400 ? seconds : undefined;
}

/** `5 s`, `10 min`, `1 h`, `Off`. */
export function refreshWords(seconds: number | null): string {
  if (seconds === null) return t("Off");
  if (seconds % 3_600 === 0) return `${seconds / 3_600} h`;
  return seconds % 60 === 0 ? `${seconds / 60} min` : `${seconds} s`;
}
