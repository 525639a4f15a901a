import { expect, test } from "vitest";
import { type Keeping, keepHere } from "./keep-here.ts";

const state: Keeping = {
  build_ms_since_kept: 0,
  clone_ms: 30,
  is_last: false,
  forked: false,
  checkpoint: false,
  reflink: false,
};

test.each<[string, Partial<Keeping>, boolean]>([
  ["a state that cost nothing is not kept", {}, false],
  ["the end of the tail is", { is_last: true }, true],
  ["a fork is", { forked: true }, true],
  ["a checkpoint is", { checkpoint: true }, true],
  ["what took 150 ms is not", { build_ms_since_kept: 150 }, false],
  ["what took 250 ms is", { build_ms_since_kept: 250 }, true],
  [
    "where clones are slow, it has to be worth some",
    { build_ms_since_kept: 250, clone_ms: 100 },
    false,
  ],
  [
    "where they cost nothing, nearly everything is",
    { build_ms_since_kept: 40, reflink: true },
    true,
  ],
])("%s", (_, change, kept) => {
  expect(keepHere({ ...state, ...change })).toBe(kept);
});
