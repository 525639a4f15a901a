import fc from "fast-check";
import { expect, test } from "vitest";
import { jsonPieces } from "./json-pieces.ts";
import { packLarge } from "./packed.ts";

async function piecesOf(document: object): Promise<string[]> {
  const pieces: string[] = [];
  for await (const piece of jsonPieces(document)) pieces.push(String(piece));
  return pieces;
}

test("the pieces are the text that JSON.stringify makes", async () => {
  const document = fc.dictionary(fc.string(), fc.anything({ withDate: true, maxDepth: 4 }));
  await fc.assert(
    fc.asyncProperty(document, async (value) => {
      expect((await piecesOf(value)).join("")).toBe(JSON.stringify(value));
    }),
    { numRuns: 500 },
  );
  const many = { schema: { tables: Array.from({ length: 1_001 }, (_, n) => ({ n })), hash: "x" } };
  const pieces = await piecesOf(many);
  expect(pieces.join("")).toBe(JSON.stringify(many));
  expect(Math.max(...pieces.map(({ length }) => length))).toBeLessThan(2_500);
});

test("parts that are packed are the same text, in pieces and as one", async () => {
  const stats = Array.from({ length: 9_000 }, (_, n) => ({ table: `名${n}`, at: null }));
  const parts: { table_stats?: object; schema?: object; index_stats: null } = {
    ...{ table_stats: stats, schema: { tables: [{ name: "“t”" }] }, index_stats: null },
  };
  const text = JSON.stringify(parts);
  await packLarge(parts);
  await packLarge(parts);
  expect(parts.table_stats).not.toBe(stats);
  expect(JSON.stringify(parts)).toBe(text);
  const pieces: Buffer[] = [];
  for await (const piece of jsonPieces(parts)) pieces.push(Buffer.from(piece));
  expect(Buffer.concat(pieces).toString("utf8")).toBe(text);
});
