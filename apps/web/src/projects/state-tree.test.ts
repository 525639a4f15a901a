import { expect, test } from "vitest";
import { branchesOf } from "./state-tree.ts";

const state = (state_key: string, parent_key: string | null, depth: number, jobs = 1) => ({
  state_key,
  parent_key,
  path: `${state_key}.sql`,
  depth,
  jobs,
});
const head = (state_key: string | null, job_id: string) => ({
  job_id,
  head_path: "test/a.sql",
  state_key,
  status: "completed" as const,
  hit: null,
  created_at: "2026-11-21T00:00:00.000Z",
});

test("a chain without a fork is one line, and a fork makes lines of its own, the busiest first", () => {
  const branches = branchesOf({
    states: [
      state("0", null, 0, 3),
      state("a", "0", 1, 3),
      state("x", "a", 2, 1),
      state("b", "a", 2, 2),
      state("c", "b", 3, 2),
    ],
    heads: [head("c", "1"), head("c", "2"), head("x", "3")],
  });
  expect(
    branches.map(({ states, heads, level, forks }) => [
      states.map(({ state_key }) => state_key).join(""),
      heads.map(({ job_id }) => job_id).join(""),
      level,
      forks,
    ]),
  ).toEqual([
    ["0a", "", 0, 2],
    ["bc", "12", 1, 0],
    ["x", "3", 1, 0],
  ]);
});

test("a head in the middle ends a line, and what goes on after it is no fork", () => {
  const branches = branchesOf({
    states: [state("0", null, 0), state("a", "0", 1), state("b", "a", 2)],
    heads: [head("a", "1"), head(null, "2")],
  });
  expect(branches.map(({ key, level }) => [key, level])).toEqual([
    ["a", 0],
    ["b", 0],
  ]);
});

test("a long chain, and a state whose parent is not known", () => {
  const states = Array.from({ length: 20_000 }, (_, n) =>
    state(String(n), n === 0 ? "older" : String(n - 1), n),
  );
  expect(branchesOf({ states, heads: [] })).toHaveLength(1);
});
