import { expect, test } from "vitest";
import { readArguments } from "./arguments.ts";
import { siblingOf } from "./endpoint.ts";
import { parseDuration } from "./values.ts";

test("arguments", () => {
  expect(readArguments(["-c", "f", "-v", "--json-logs"])).toEqual({
    command: { do: "run" },
    config: "f",
    verbose: true,
    json_logs: true,
  });
  expect(readArguments(["--dry-run"]).command).toEqual({ do: "dry-run" });
  expect(readArguments(["--replay", "x.json"]).command).toEqual({ do: "replay", path: "x.json" });
  expect(readArguments(["--once", "-h"]).command).toEqual({ do: "help" });
  for (const wrong of [["--once", "--dry-run"], ["--onec"], ["run"], ["--replay"], ["-c"]]) {
    expect(() => readArguments(wrong), wrong.join(" ")).toThrow("quern-agent --help");
  }
});

test("the routes beside the ingest", () => {
  expect(siblingOf("https://q/api/v1/ingest", "health")).toBe("https://q/api/v1/health");
  expect(siblingOf("https://q/v1/ingest/?a=b", "heartbeat")).toBe("https://q/v1/heartbeat");
});

test("durations", () => {
  expect(["500ms", "30s", "1m", "2h", "7d", 60, "60"].map((it) => parseDuration(it))).toEqual([
    500, 30_000, 60_000, 7_200_000, 604_800_000, 60_000, 60_000,
  ]);
  expect(["", "1w", "-1s", "1.5m", "soon"].map((it) => parseDuration(it))).toEqual(
    Array(5).fill(null),
  );
});
