import { expect, test } from "vitest";
import { markCurl } from "./mark-curl.ts";
import { instantOfAddress, instantOfWall, wallText } from "./wall-time.ts";

const BERLIN = "Europe/Berlin";

test("a time is typed as the clock on the wall shows it, in summer and in winter", () => {
  expect(wallText("2026-03-29T00:59:59.900Z", BERLIN)).toBe("2026-03-29T01:59:59");
  expect(wallText("2026-03-29T01:00:00Z", BERLIN)).toBe("2026-03-29T03:00:00");
  expect(instantOfWall("2026-03-29T03:00", BERLIN)).toBe("2026-03-29T01:00:00.000Z");
  // The hour that is left out, and the one that comes twice.
  expect(instantOfWall("2026-03-29T02:30:00", BERLIN)).toBe("2026-03-29T01:30:00.000Z");
  expect(instantOfWall("2026-10-25T02:30:00", BERLIN)).toBe("2026-10-25T00:30:00.000Z");
});

test("what is typed in part is no time, and neither are years on the way to this one", () => {
  for (const text of [
    "",
    "2026-03",
    "0002-03-29T03:00:00",
    "0202-03-29T03:00:00",
    "12026-01-01T00:00",
  ])
    expect(instantOfWall(text, BERLIN)).toBeNull();
});

test("an address that says no time says none", () => {
  expect(instantOfAddress("2026-03-29T03:00:00+02:00")).toBe("2026-03-29T01:00:00.000Z");
  expect([null, "", "soon"].map(instantOfAddress)).toEqual([null, null, null]);
});

test("the command that marks a deploy holds what was typed, and survives the shell", () => {
  const curl = markCurl("https://quern.test", {
    ...{ type: "deploy", subject: "Ada's shop 4.13", commit: "3bf9d92", database_id: null },
  });
  expect(curl.split(" \\\n")).toHaveLength(4);
  expect(curl).toContain(String.raw`"subject":"Ada'\''s shop 4.13"`);
  expect(curl).not.toContain("database_id");
});
