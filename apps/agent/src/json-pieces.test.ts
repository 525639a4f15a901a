import fc from "fast-check";
import { expect, test } from "vitest";
import { jsonPieces } from "./json-pieces.ts";

test("the pieces are the text that JSON.stringify makes", () => {
  const document = fc.dictionary(fc.string(), fc.anything({ withDate: true, maxDepth: 4 }));
  fc.assert(
    fc.property(document, (value) => {
      expect([...jsonPieces(value)].join("")).toBe(JSON.stringify(value));
    }),
    { numRuns: 500 },
  );
  const many = { schema: { tables: Array.from({ length: 1_001 }, (_, n) => ({ n })), hash: "x" } };
  const pieces = [...jsonPieces(many)];
  expect(pieces.join("")).toBe(JSON.stringify(many));
  expect(Math.max(...pieces.map(({ length }) => length))).toBeLessThan(2_500);
});
