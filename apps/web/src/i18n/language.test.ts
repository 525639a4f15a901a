import { expect, test } from "vitest";
import { t } from "./language.ts";

test("a text without a catalogue is said as it stands, with its values and in the right number", () => {
  expect(t("Save. It has dots.")).toBe("Save. It has dots.");
  expect(t("Delete the chart “{name}”?", { name: "a {b} | @c" })).toBe(
    "Delete the chart “a {b} | @c”?",
  );
  expect(t("{n} row | {n} rows", { n: 1 })).toBe("1 row");
  expect(t("{n} row | {n} rows", { n: 1204331 })).toBe("1,204,331 rows");
});
