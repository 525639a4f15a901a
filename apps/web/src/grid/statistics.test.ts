import type { Column } from "@quern/contract/results";
import { expect, test } from "vitest";
import { readStatistics, shareWords } from "./statistics.ts";

const names = [
  "column",
  "name",
  "nulls",
  "distinct",
  "min",
  "max",
  "mean",
  "sum",
  "true_count",
  "top",
  "histogram",
  "distinct_is_exact",
];
const columns: Column[] = names.map((name) => ({ name, type: "text", source_type: "text" }));

test("statistics are read by name, and no digit is touched", () => {
  const [found] = readStatistics(columns, [
    [
      0,
      "id",
      "3",
      "97",
      "-9223372036854775808",
      "9223372036854775807",
      "1.5",
      "150.00",
      null,
      '[{"value":"9007199254740993","count":2},{"value":null,"count":1}]',
      '[{"from":"1","to":"10","count":5}]',
      false,
    ],
  ]);
  expect(found).toEqual({
    column: 0,
    nulls: 3,
    distinct: 97,
    distinctIsExact: false,
    min: "-9223372036854775808",
    max: "9223372036854775807",
    mean: "1.5",
    sum: "150.00",
    trueCount: null,
    top: [
      { value: "9007199254740993", count: 2 },
      { value: null, count: 1 },
    ],
    histogram: [{ from: "1", to: "10", count: 5 }],
  });
});

test("a share is rounded without telling a lie", () => {
  expect(shareWords(0, 10)).toBe("0 %");
  expect(shareWords(1, 1_000_000)).toBe("< 0.1 %");
  expect(shareWords(999_999, 1_000_000)).toBe("> 99.9 %");
  expect(shareWords(10, 10)).toBe("100 %");
  expect(shareWords(1, 3)).toBe("33.3 %");
});
