import { expect, test } from "vitest";
import { FRESH, fieldsOf, textOf } from "./builder.ts";
import { formatInZone, recurrenceWords } from "./words.ts";

test.each([
  ["every 15m", "interval"],
  ["every 2h", "interval"],
  ["hourly :20", "hourly"],
  ["daily 03:00", "daily"],
  ["weekdays 08:30", "weekly"],
  ["weekly mon,thu 09:00", "weekly"],
  ["every 3 weeks tue 09:00", "weekly"],
  ["monthly 1 06:00", "monthly"],
  ["monthly last 06:00", "monthly"],
  ["monthly last fri 06:00", "monthly"],
])("%s is shown in fields, and written the same", (text, kind) => {
  expect(fieldsOf(text).kind).toBe(kind);
  expect(textOf(fieldsOf(text))).toBe(text);
});

test.each([
  "daily 06:00,18:00",
  "every 2 days 06:00",
  "every 2 weeks fri 09:00 from 2026-11-27",
  "monthly 1,15 06:00",
  "monthly 1,last 06:00",
  "yearly mar 1 06:00",
  "30 8 * * 1-5",
  "when pigs fly",
])("%s stays text: fields cannot say it", (text) => {
  expect(fieldsOf(text)).toMatchObject({ kind: "text", text });
  expect(textOf(fieldsOf(text))).toBe(text);
});

test("words", () => {
  expect(textOf(FRESH)).toBe("daily 08:00");
  expect(recurrenceWords("weekly mon,thu 09:00")).toBe("Every Monday and Thursday at 09:00");
  expect(recurrenceWords("every 7m")).toBe("Every 7 minutes");
  expect(recurrenceWords("*/15 * * * *")).toBe("Every 15 minutes");
  expect(recurrenceWords("0 6 1 */3 *")).toBe("By cron 0 6 1 */3 *");
  expect(recurrenceWords("every 2 weeks fri 09:00 from 2026-11-27")).toBe(
    "Every 2 weeks on Friday at 09:00, from Nov 27, 2026 on",
  );
  expect(recurrenceWords("when pigs fly")).toBe("when pigs fly");
});

test("a firing that is far off has its year, whatever was shown in its zone before", () => {
  const now = Date.parse("2026-11-21T12:00:00Z");
  const shown = (instant: string) => formatInZone(instant, "Asia/Kathmandu", now);
  expect(shown("2026-11-22T03:15:00Z")).toBe("Sun, Nov 22, 09:00");
  expect(shown("2027-11-22T03:15:00Z")).toBe("Mon, Nov 22, 2027, 09:00");
  expect(shown("2026-11-23T03:15:00Z")).toBe("Mon, Nov 23, 09:00");
});
