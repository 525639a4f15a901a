import { expect, test } from "vitest";
import { parameterPlace } from "./parameter-place.ts";

/** The place of `|` in the text. */
function at(marked: string) {
  const offset = marked.indexOf("|");
  return parameterPlace(marked.replace("|", ""), offset);
}

test("names are offered between {{ and }}, closed or not", () => {
  expect(at("where a = {{|")).toEqual({ start: 12, end: 12, name: "", closed: false });
  expect(at("where a = {{ ci|")).toEqual({ start: 12, end: 15, name: "ci", closed: false });
  expect(at("{{ ci|ty }} and")).toEqual({ start: 2, end: 8, name: "city", closed: true });
  expect(at("{{ p.|")).toMatchObject({ name: "p." });
  expect(at("{{ci| and x")).toEqual({ start: 2, end: 4, name: "ci", closed: false });
});

test("and nowhere else", () => {
  for (const text of ["{|", "{{ a }}|", "{{ a }} |", "select |", "{{ a b|", "{{\n|"])
    expect(at(text), text).toBeNull();
});
