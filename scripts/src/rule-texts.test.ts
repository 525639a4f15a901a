import { expect, test } from "vitest";
import { ruleTextsOf } from "./rule-texts.ts";

const keysOf = (source: string) => ruleTextsOf("a.ts", source).texts.map(({ key }) => key);

test("titles, sentences with places, keys of evidence and named sections are texts; SQL and mistakes are not", () => {
  const source = `
    import { x } from "./A file.ts";
    const WORDS = { server: "statistics of the server", sequences: "sequences" };
    export const rule = { id: "a-b", title: "Few blocks", source: "pgEdge: 1 GB.", needs: ["server"] };
    tooLittle(seconds, 60, "hourly sums");
    say("{n} of {of} days were seen.", { n, of });
    fixBy("create index concurrently on t (a);", "Build it.");
    fact("dead_rows", 1, "count");
    fact(name, "Text");
    throw new TypeError("Rules are files");`;
  expect(keysOf(source)).toEqual([
    "statistics of the server",
    "sequences",
    "Few blocks",
    "pgEdge: 1 GB.",
    "hourly sums",
    "{n} of {of} days were seen.",
    "Build it.",
    "dead_rows",
  ]);
});

test("a sentence that is put together in place is a fault", () => {
  const { faults } = ruleTextsOf(
    "a.ts",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the source that is read.
    "advice(`Drop it: ${name} will do.`); fixBy(`drop index ${name};`)",
  );
  expect(faults).toHaveLength(1);
  expect(faults[0]).toContain("a.ts:1 puts a sentence together");
});
