import type { Draft as ServerDraft } from "@quern/contract/drafts";
import { expect, test } from "vitest";
import type { Draft } from "../composables/drafts.ts";
import { chooseBetween, deviceName } from "./draft-choice.ts";

const base: Draft = {
  sql: "select 0",
  datasource_id: null,
  limits: {},
  params: [],
  base_version: 1,
  changed_at: "2026-11-21T10:00:00.000Z",
  revision: 0,
  unsent: false,
};
const local = (sql: string, revision: number, unsent: boolean): Draft => ({
  ...base,
  sql,
  revision,
  unsent,
});
const server = (sql: string | null, revision: number): ServerDraft => ({
  id: "12345678",
  query: null,
  changed: sql !== null,
  head: sql ?? "",
  open: true,
  copied: false,
  device: "Firefox · Mac",
  revision,
  updated_at: "2026-11-21T11:00:00.000Z",
  content:
    sql === null ? null : { sql, datasource_id: null, limits: {}, params: [], base_version: 1 },
});
const chosen = (mine: Draft | null, theirs: ServerDraft | null) => {
  const { draft, other } = chooseBetween(mine, theirs, base);
  return [draft.sql, draft.revision, draft.unsent, other?.content?.sql ?? null];
};

test.each([
  ["nothing anywhere: the saved query", null, null, ["select 0", 0, false, null]],
  ["only here: it has to be sent", local("a", 3, false), null, ["a", 0, true, null]],
  ["only there", null, server("b", 4), ["b", 4, false, null]],
  ["there, as the saved query stands", null, server(null, 4), ["select 0", 4, false, null]],
  ["here goes on from there", local("a", 4, true), server("b", 4), ["a", 4, true, null]],
  [
    "all of it was sent, and another device went on",
    local("a", 4, false),
    server("b", 5),
    ["b", 5, false, null],
  ],
  [
    "all of it was sent, and the other device saved",
    local("a", 4, false),
    server(null, 5),
    ["select 0", 5, false, null],
  ],
  ["both say the same", local("b", 3, true), server("b", 5), ["b", 5, false, null]],
  [
    "both were written: this one stays, that one is kept",
    local("a", 3, true),
    server("b", 5),
    ["a", 5, true, "b"],
  ],
  [
    "the other device saved meanwhile: nothing of it can be lost",
    local("a", 3, true),
    server(null, 5),
    ["a", 5, true, null],
  ],
] as const)("%s", (_words, mine, theirs, wanted) => {
  expect(chosen(mine, theirs)).toEqual(wanted);
});

test("a browser is called by what people call it", () => {
  const linux =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Safari/537.36";
  expect(deviceName(linux)).toBe("Chrome · Linux");
  expect(deviceName(`${linux} Edg/130.0`)).toBe("Edge · Linux");
  expect(
    deviceName(
      "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile Safari/604.1",
    ),
  ).toBe("Safari · iPhone");
  expect(deviceName("curl/8")).toBe("Browser");
});
