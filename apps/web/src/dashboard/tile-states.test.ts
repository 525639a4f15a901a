import { describe, expect, test } from "vitest";
import { lacksFailure, lacksResult, withAnswer, withOtherValues } from "./tile-states.ts";

describe("what tiles show", () => {
  const run = (id: string, status: "running" | "failed" | "succeeded") => ({
    id,
    status,
    reused: false,
  });
  const good = (run_id: string) => ({
    run_id,
    statement: 0,
    finished_at: "2026-11-21T10:00:00.000Z",
    rows: 1,
  });
  const item = (more: object) => ({
    tile_id: "t",
    run: null,
    last_good: null,
    problem: null,
    on: null,
    ...more,
  });

  test("a failed run keeps the last good result, and says that its error is not known yet", () => {
    let states = withAnswer(
      new Map(),
      [item({ run: run("r1", "succeeded"), last_good: good("r1") })],
      new Map(),
    );
    states = withAnswer(
      states,
      [item({ run: run("r2", "running"), last_good: good("r1") })],
      new Map(),
    );
    states = withAnswer(states, [item({ run: run("r2", "failed") })], new Map());
    expect(states.get("t")?.last_good?.run_id).toBe("r1");
    expect(lacksFailure(states.get("t")!)).toBe(true);
  });

  test("an event that came before the answer that names its run counts", () => {
    const states = withAnswer(
      new Map(),
      [item({ run: run("r1", "running") })],
      new Map([["r1", "succeeded" as const]]),
    );
    expect(states.get("t")?.run?.status).toBe("succeeded");
    expect(lacksResult(states.get("t")!)).toBe(true);
  });

  test("with other values the old result stays until the new one comes", () => {
    let states = withAnswer(
      new Map(),
      [item({ run: run("r1", "succeeded"), last_good: good("r1") })],
      new Map(),
    );
    states = withOtherValues(states);
    states = withAnswer(states, [item({ run: run("r2", "running") })], new Map());
    expect(states.get("t")).toMatchObject({ outdated: true, last_good: { run_id: "r1" } });
    states = withAnswer(states, [item({ last_good: good("r2") })], new Map());
    expect(states.get("t")).toMatchObject({ outdated: false, last_good: { run_id: "r2" } });
  });
});
