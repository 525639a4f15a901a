import { expect, test } from "vitest";
import { diffLines } from "./lines.ts";

const marks = (left: string, right: string) =>
  diffLines(left, right).map(
    ({ change, text }) => `${{ same: " ", added: "+", removed: "-" }[change]}${text}`,
  );

test("a changed line is its old form and then its new one; the rest stays", () => {
  expect(marks("select 1\nfrom t\nwhere a", "select 1\nfrom u\nwhere a")).toEqual([
    " select 1",
    "-from t",
    "+from u",
    " where a",
  ]);
  expect(marks("a\nb", "a\nb")).toEqual([" a", " b"]);
  expect(marks("a", "a\nb")).toEqual([" a", "+b"]);
  expect(marks("a\nb\nc", "b")).toEqual(["-a", " b", "-c"]);
});

test("line numbers count on both sides", () => {
  expect(diffLines("a\nx\nc", "a\ny\nz\nc").map(({ left, right }) => [left, right])).toEqual([
    [1, 1],
    [2, null],
    [null, 2],
    [null, 3],
    [3, 4],
  ]);
});

test("both sides can be made again from what it says, with the fewest changes", () => {
  let seed = 7;
  const random = (n: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((seed / 2_147_483_648) * n);
  };
  for (let round = 0; round < 300; round += 1) {
    const lines = () => Array.from({ length: random(12) }, () => "abc"[random(3)]!);
    const [a, b] = [lines(), lines()];
    const diff = diffLines(a.join("\n"), b.join("\n"));
    const side = (left: "added" | "removed") =>
      diff.filter(({ change }) => change !== left).map(({ text }) => text);
    expect(side("added").join("\n")).toBe(a.join("\n"));
    expect(side("removed").join("\n")).toBe(b.join("\n"));
    const same = diff.filter(({ change }) => change === "same").length;
    expect(same).toBe(longestCommon(a.length === 0 ? [""] : a, b.length === 0 ? [""] : b));
  }
});

test("texts that have nothing in common are one block, quickly", () => {
  const lines = (word: string) =>
    Array.from({ length: 5_000 }, (_, at) => `${word}${at}`).join("\n");
  expect(diffLines(lines("a"), lines("b"))).toHaveLength(10_000);
});

function longestCommon(a: string[], b: string[]): number {
  const table = Array.from({ length: a.length + 1 }, () => new Array<number>(b.length + 1).fill(0));
  for (let i = 1; i <= a.length; i += 1)
    for (let j = 1; j <= b.length; j += 1)
      table[i]![j] =
        a[i - 1] === b[j - 1]
          ? table[i - 1]![j - 1]! + 1
          : Math.max(table[i - 1]![j]!, table[i]![j - 1]!);
  return table[a.length]![b.length]!;
}
