import type { Cell } from "@quern/contract/results";
import { expect, test } from "vitest";
import { column, textOf } from "../testing.ts";
import { json } from "./json.ts";

async function* chunks(...all: Cell[][][]): AsyncGenerator<Cell[][]> {
  yield* all;
}

const columns = [column("a", "int8", "bigint"), column("a", "text"), column("", "bool", "boolean")];

test("columns once, then one row a line", async () => {
  const text = await textOf(
    json(columns, chunks([["9223372036854775807", 'x"\n', true]], [], [[null, "-0", false]])),
  );
  expect(text.split("\n").slice(1)).toEqual([
    '["9223372036854775807","x\\"\\n",true],',
    '[null,"-0",false]',
    "]}",
    "",
  ]);
  expect(JSON.parse(text)).toEqual({
    columns: [
      { name: "a", type: "int8", source_type: "bigint" },
      { name: "a", type: "text", source_type: "text" },
      { name: "", type: "bool", source_type: "boolean" },
    ],
    rows: [
      ["9223372036854775807", 'x"\n', true],
      [null, "-0", false],
    ],
  });
});

test("no rows, no columns", async () => {
  expect(JSON.parse(await textOf(json(columns, chunks())))).toEqual({ columns, rows: [] });
  expect(JSON.parse(await textOf(json([], chunks([[], []]))))).toEqual({
    columns: [],
    rows: [[], []],
  });
});
