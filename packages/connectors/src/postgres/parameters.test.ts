/** Parameters stand where PostgreSQL's own scanner sees them, whatever stands around them. */
import type { RunParameter } from "@quern/contract/parameters";
import { renderParameters } from "@quern/contract/parameters/render";
import { readTemplate } from "@quern/contract/parameters/template";
import fc from "fast-check";
import { loadModule, scanSync } from "libpg-query";
import { beforeAll, expect, test } from "vitest";

beforeAll(() => loadModule());

const VALUE: RunParameter = {
  name: "p",
  type: "text",
  given: "v",
  bound: [{ name: "p", sql_type: "text", value: "v" }],
};
const pieces = [
  ..."'\"$[](){};:-/*+?|&#@!~^%=<>.,_ \n\teEuUxa1".split(""),
  ...[
    "{{p}}",
    "{{ p }}",
    "[[{{p}}]]",
    "[[a",
    "]]",
    "''",
    '""',
    "$$",
    "$a$",
    "--",
    "/*",
    "*/",
    "\\",
    "e'",
    "E'\\'",
    "U&'",
    "array[[",
    "::",
    "?|",
    "$tag",
    "select",
    "1e5",
  ],
];

test("in a text of any pieces, every {{ }} becomes one parameter, and nothing else does", () => {
  let compared = 0;
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 25 }), (parts) => {
      const sql = parts.join("");
      const { uses, problems } = readTemplate(sql);
      if (problems.length > 0) return;
      const rendered = renderParameters(sql, [VALUE]);
      const params = parametersOf(rendered.sql);
      if (params === null || uses.length === 0) return;
      compared += 1;
      expect(params).toEqual(uses.map(() => "$1"));
    }),
    { numRuns: 20_000 },
  );
  expect(compared).toBeGreaterThan(1_000);
});

/** null when the scanner refuses the text. */
function parametersOf(sql: string): string[] | null {
  try {
    return scanSync(sql)
      .tokens.filter(({ tokenName }) => tokenName === "PARAM")
      .map(({ text }) => text);
  } catch {
    return null;
  }
}
