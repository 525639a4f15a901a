import { expect, test } from "vitest";
import { ownDatasources, readSwaps, writeSwaps } from "./swaps.ts";

const id = (n: number) => `00000000-0000-4000-8000-00000000000${n}`;

test("the address says which datasources are exchanged, and nothing that is no pair of ids", () => {
  const swaps = { [id(1)]: id(2), [id(3)]: id(2) };
  expect(readSwaps(writeSwaps(swaps)!)).toEqual(swaps);
  expect(writeSwaps({})).toBeNull();
  const wrong = ["", ":", id(1), `${id(1)}:`, `${id(1)}:${id(1)}`, `x${id(1)}:${id(2)}`, "a:b"];
  expect(readSwaps(wrong)).toEqual({});
  expect(readSwaps([`${id(1)}:${id(2)}`, `${id(1)}:${id(3)}`])).toEqual({ [id(1)]: id(3) });
});

test("the datasources of a dashboard are those of its charts, the one of most tiles first", () => {
  const place = { x: 0, y: 0, width: 6, height: 6 };
  const config = {
    ...{ type: "bar" as const, x: "a", y: ["b"], series: null, stacked: false },
    horizontal: false,
  };
  const chart = (n: number) => ({
    ...{ id: id(9), type: "visualization" as const, title: null, place, visualization_id: id(8) },
    ...{ bindings: {}, click: null, trouble: null },
    visualization: {
      ...{ id: id(8), name: "Chart", config },
      query: {
        ...{ id: id(7), name: "Query", version: 1, params: [] },
        datasource: { id: id(n), name: `Datasource ${n}` },
      },
    },
  });
  const gone = { ...chart(1), visualization: null, trouble: "query_deleted" as const };
  const text = { id: id(5), type: "text" as const, title: null, place, content: "words" };
  expect(ownDatasources([chart(1), text, chart(2), gone, chart(2)])).toEqual([
    { id: id(2), name: "Datasource 2", tiles: 2 },
    { id: id(1), name: "Datasource 1", tiles: 1 },
  ]);
});
