import fc from "fast-check";
import { expect, test } from "vitest";
import { isStorableText, name, storableText, text, wholeNumber } from "./text.ts";

test("storableText makes any string storable and leaves storable ones alone", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (value) => {
      const stored = storableText(value);
      expect(isStorableText(stored)).toBe(true);
      if (isStorableText(value)) expect(stored).toBe(value);
    }),
  );
  expect(isStorableText("a\u0000b")).toBe(false);
  expect(isStorableText("\ud800")).toBe(false);
  expect(isStorableText("\u{1F600}")).toBe(true);
});

test("names and texts refuse what PostgreSQL or a person cannot read", () => {
  for (const bad of ["", "  ", "a\u0000", "a\nb", "\udc00", "x".repeat(201)])
    expect(name.safeParse(bad).success).toBe(false);
  for (const bad of [{}, [], null, 1, true]) expect(text(10).safeParse(bad).success).toBe(false);
  expect(name.parse("Überstunden 时间")).toBe("Überstunden 时间");
});

test("numbers in query strings are plain decimal digits within bounds", () => {
  const limit = wholeNumber({ min: 1, max: 200 });
  expect(limit.parse("200")).toBe(200);
  for (const bad of ["0", "201", "-1", "1e2", " 5", "0x10", "1.0", "１２", "", "9".repeat(30)]) {
    expect(limit.safeParse(bad).success).toBe(false);
  }
});
