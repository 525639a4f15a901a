import { expect, test } from "vitest";
import { table } from "./commands/test-connection.ts";
import { forPeople } from "./log-output.ts";

test("a line for people has the time, the level, the words and the details", () => {
  const line = JSON.stringify({
    level: 40,
    time: "2026-11-21T10:00:00.123Z",
    process: "agent",
    pid: 1,
    reason: "a\nb",
    msg: "cannot upload",
  });
  expect(forPeople(line)).toBe('2026-11-21T10:00:00.123Z WARN  cannot upload  reason="a\\nb"\n');
});

test("the table of --test-connection says below an aspect what to do", () => {
  expect(
    table([
      { aspect: "TLS", status: "ok", detail: "TLSv1.3", hint: null },
      {
        aspect: "pg_monitor",
        status: "failed",
        detail: "not granted",
        hint: "grant pg_monitor\nto agent;",
      },
    ]),
  ).toBe(
    "ok    TLS         TLSv1.3\n" +
      "FAIL  pg_monitor  not granted\n" +
      "                  → grant pg_monitor\n" +
      "                    to agent;\n",
  );
});
