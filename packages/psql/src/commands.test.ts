import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { commandNames, findCommand } from "./commands.ts";

test("each meta-command is in the documentation", () => {
  const page = readFileSync(new URL("../../../docs/scripts.md", import.meta.url), "utf8");
  const named = new Set([...page.matchAll(/`\\([^`]+)`/g)].map((match) => match[1]!.split(" ")[0]));
  expect(commandNames().filter((name) => !named.has(name))).toEqual([]);
});

test("the many forms of \\d are known, and what only looks like one is not", () => {
  const known = [
    "d",
    "d+",
    "dS+",
    "dt",
    "dtvs",
    "df",
    "dfn+",
    "dRp+",
    "ddp",
    "drds",
    "dAc",
    "dconfig",
  ];
  for (const name of known) expect(findCommand(name)?.kind, name).toBe("unsupported");
  for (const name of ["dq", "drop", "delete"]) expect(findCommand(name), name).toBeNull();
  expect(findCommand("lo_import")?.kind).toBe("refused");
  for (const name of ["constructor", "toString", "", "N"]) expect(findCommand(name)).toBeNull();
});
