import { openTimetable } from "@quern/contract/schedule-times";
import { expect, test } from "vitest";
import { planFirings } from "./schedule-plan.ts";

const at = (time: string) => Date.parse(`2026-11-${time}Z`);
const text = (instant: number | null) =>
  instant === null ? null : new Date(instant).toISOString().slice(8, 16);

function plan(
  recurrence: string,
  due: string,
  now: string,
  policy: "run_latest" | "run_all" | "skip",
) {
  const { fired, skipped, next } = planFirings(
    openTimetable(recurrence, "UTC"),
    at(due),
    at(now),
    policy,
  );
  return {
    fired: fired.map((each) => `${text(each.at)}${each.late ? " late" : ""}`),
    skipped: skipped.map((each) => text(each.at)),
    next: text(next),
    messages: skipped.map(({ message }) => message),
  };
}

test.each(["run_latest", "run_all", "skip"] as const)(
  "a time that has just come is fired, whatever the policy: %s",
  (policy) => {
    expect(plan("daily 23:59", "20T23:59", "20T23:59:59", policy)).toMatchObject({
      fired: ["20T23:59"],
      skipped: [],
      next: "21T23:59",
    });
  },
);

test("due at 23:59 and seen at 00:01, it is late, and the next is the same day's", () => {
  expect(plan("daily 23:59", "20T23:59", "21T00:01", "run_latest")).toMatchObject({
    fired: ["20T23:59 late"],
    next: "21T23:59",
  });
  expect(plan("daily 23:59", "20T23:59", "21T00:01", "skip")).toMatchObject({
    fired: [],
    skipped: ["20T23:59"],
    next: "21T23:59",
  });
});

const ASLEEP = ["hourly", "21T01:00", "21T03:30"] as const;

test("a host asleep over three times: the latest, all of them, or none", () => {
  expect(plan(...ASLEEP, "run_latest")).toMatchObject({
    fired: ["21T03:00 late"],
    skipped: ["21T01:00", "21T02:00"],
    next: "21T04:00",
  });
  expect(plan(...ASLEEP, "run_all")).toMatchObject({
    fired: ["21T01:00 late", "21T02:00 late", "21T03:00 late"],
    skipped: [],
    next: "21T04:00",
  });
  expect(plan(...ASLEEP, "skip")).toMatchObject({
    fired: [],
    skipped: ["21T01:00", "21T02:00", "21T03:00"],
    next: "21T04:00",
  });
});

test("with a time that is punctual, the latest of the late ones is not run beside it", () => {
  expect(plan("hourly", "21T01:00", "21T03:00:30", "run_latest")).toMatchObject({
    fired: ["21T03:00"],
    skipped: ["21T01:00", "21T02:00"],
  });
  expect(plan("hourly", "21T01:00", "21T03:00:30", "skip")).toMatchObject({ fired: ["21T03:00"] });
});

test("there is no drift: what comes next follows from the recurrence, however late it is", () => {
  expect(plan("every 7m", "21T00:03", "21T00:09:59", "run_latest").next).toBe(
    text(openTimetable("every 7m", "UTC").after(at("21T00:09:59"))!.at),
  );
});

test("after a long time away the work is bounded, and what is not listed is said", () => {
  const all = plan("every 1m", "01T00:00", "21T00:00:30", "run_all");
  expect(all.fired).toHaveLength(101);
  expect(all.fired.at(-1)).toBe("21T00:00");
  expect(all.skipped).toHaveLength(899);
  expect(all.skipped[0]).toBe("20T07:21");
  expect(all.messages[0]).toMatch(/all times since 2026-11-01T00:00:00.000Z/);
  expect(all.messages[1]).toMatch(/only the latest 100/);
  const years = planFirings(
    openTimetable("every 1m", "Europe/Berlin"),
    Date.UTC(2016, 0, 1),
    at("21T00:00:30"),
    "run_latest",
  );
  expect(years.fired).toHaveLength(1);
  expect(years.skipped).toHaveLength(999);
});
