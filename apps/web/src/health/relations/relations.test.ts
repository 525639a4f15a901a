import { expect, test } from "vitest";
import { definitionTail, indexTroubles, keptBecause, pressureTone } from "./relation-words.ts";

const plain = {
  ...{ is_valid: true, duplicate_of: null, is_primary: false, is_unique: false },
  ...{ is_constraint: false, unused_since: null },
};

test("of a definition the list shows what it does not say already", () => {
  const tail = (definition: string | null, columns: string[] = []) =>
    definitionTail({ definition, columns });
  expect(tail("CREATE INDEX i ON public.t USING btree (a, lower(b))")).toBe("(a, lower(b))");
  expect(tail("CREATE UNIQUE INDEX i ON ONLY s.t USING gist (a) WHERE (b > $1)")).toBe(
    "USING gist (a) WHERE (b > $1)",
  );
  expect(tail(null, ["a", "b"])).toBe("(a, b)");
  expect(tail(null)).toBe("–");
});

test("an index that is not valid is worse than one too many; a constraint is needed unscanned", () => {
  const troubles = indexTroubles({ ...plain, is_valid: false, duplicate_of: "other" });
  expect(troubles.map(({ color }) => color)).toEqual(["error", "warning"]);
  expect(indexTroubles({ ...plain, is_valid: null })).toEqual([]);
  const unused = { ...plain, unused_since: "2026-03-01T00:00:00Z" };
  expect(keptBecause(unused)).toBeNull();
  expect(keptBecause({ ...unused, is_unique: true })).toMatch(/constraint/);
  expect(keptBecause({ ...plain, is_unique: true })).toBeNull();
});

test("vacuum is due from its trigger on and late from twice that", () => {
  expect([null, 0.99, 1, 1.99, 2].map(pressureTone)).toEqual([
    ...["none", "none", "due", "due", "late"],
  ]);
});
