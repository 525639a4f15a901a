import { expect, test } from "vitest";
import { chosenText, jobOn, parseChosen, sideOf } from "./state-source.ts";

const KEY = "0123456789abcdef".repeat(4);
const ID = "8f14e45f-ceea-467a-9575-3f1a5bd5b7d0";

test("states go into the address and come back", () => {
  const chosen = { type: "project" as const, id: ID, version: 3, head: "test/a:b.sql" };
  expect(parseChosen(chosenText(chosen))).toEqual(chosen);
  expect(parseChosen(KEY)).toEqual({ type: "state", key: KEY });
  expect(parseChosen(`p:${ID}::`)).toEqual({ type: "project", id: ID, version: null, head: null });
  for (const text of [null, "", KEY.slice(1), "p:1:2:3", "x:y"])
    expect(parseChosen(text)).toBeNull();
});

test("a side of a diff stands before its head, and a typed head on all files", () => {
  const chosen = { type: "project" as const, id: ID, version: null, head: "test/a.sql" };
  expect(sideOf(chosen)).toEqual({ project_id: ID, head_path: "test/a.sql" });
  expect(jobOn(chosen, "select 1")).toEqual({ project_id: ID, head_sql: "select 1" });
});
