import type { SearchHit, SearchType } from "@quern/contract/library";
import { expect, test } from "vitest";
import { firstOffers, fittingCommands, groupHits } from "./groups.ts";

const hit = (type: SearchType, score: number, id = `${type}${score}`): SearchHit => ({
  type,
  id,
  name: id,
  context: "",
  query_id: null,
  path: null,
  hit: { field: "name", text: id },
  score,
});

test("the type of the best hit comes first, and one type does not push out the others", () => {
  const tables = Array.from({ length: 20 }, (_, n) => hit("table", 70 - n));
  const groups = groupHits([hit("query", 30), ...tables, hit("dashboard", 80)]);
  expect(groups.map(({ type, hits, more }) => [type, hits.length, more])).toEqual([
    ["dashboard", 1, 0],
    ["table", 5, 15],
    ["query", 1, 0],
  ]);
  expect(groups[1]?.hits.map(({ score }) => score)).toEqual([70, 69, 68, 67, 66]);
  expect(groupHits([])).toEqual([]);
});

test("before anything is typed the recent things come, then favourites, none twice", () => {
  const shelved = (id: string) => ({
    type: "query" as const,
    id,
    name: id,
    datasource: null,
    run_id: null,
    at: "2026-11-21T00:00:00.000Z",
  });
  const offered = firstOffers([shelved("a"), shelved("b")], [shelved("b"), shelved("c")], 3);
  expect(offered.map(({ id }) => id)).toEqual(["a", "b", "c"]);
  expect(firstOffers([shelved("a"), shelved("b")], [shelved("c")], 2)).toHaveLength(2);
});

test("a command is found by any of its words, in any order, with or without accents", () => {
  const commands = [
    { label: "Réglages" },
    { label: "Go to dashboards" },
    { label: "New query on", suffix: "Demo" },
  ];
  const find = (typed: string) => fittingCommands(commands, typed).map(({ label }) => label);
  expect(find("reglages")).toEqual(["Réglages"]);
  expect(find("dash go")).toEqual(["Go to dashboards"]);
  expect(find("demo")).toEqual(["New query on"]);
  expect(find("")).toHaveLength(3);
  expect(find("nothing")).toEqual([]);
});
