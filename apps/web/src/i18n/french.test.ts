import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type * as bytesOf from "../words/bytes.ts";
import type * as counts from "../words/count.ts";
import type * as durations from "../words/duration.ts";
import type * as instants from "../words/instants.ts";
import french from "./fr.json" with { type: "json" };
import type { t as Say } from "./language.ts";

/**
 * The browser of somebody who chose Français; its modules are loaded only then, as main.ts does, and apart from those of the
 * other tests, which are said in English.
 */
let t: typeof Say;
let bytes: typeof bytesOf;
let count: typeof counts;
let duration: typeof durations;
let instant: typeof instants;

beforeAll(async () => {
  vi.resetModules();
  const stored = new Map([["quern:language", "fr"]]);
  vi.stubGlobal("localStorage", { getItem: (key: string) => stored.get(key) ?? null });
  const language = await import("./language.ts");
  await language.loadLanguage();
  t = language.t;
  [bytes, count, duration, instant] = await Promise.all([
    import("../words/bytes.ts"),
    import("../words/count.ts"),
    import("../words/duration.ts"),
    import("../words/instants.ts"),
  ]);
});
afterAll(() => {
  vi.unstubAllGlobals();
  vi.resetModules();
});

/** No-break spaces as plain ones. */
const plain = (text: string) => text.replace(/[\u00a0\u202f]/g, " ");

test("in French what is below two is one, and numbers have French separators", () => {
  const rows = (n: number) => t("{n} row | {n} rows", { n });
  expect([0, 1, 1.5, 2].map((n) => plain(rows(n)))).toEqual([
    "0 ligne",
    "1 ligne",
    "1,5 ligne",
    "2 lignes",
  ]);
  expect(rows(1_204_331)).toBe("1\u202f204\u202f331\u00a0lignes");
  expect(t("Delete the group “{name}”?", { name: "a | {b} @c" })).toBe(
    "Supprimer le groupe «\u00a0a | {b} @c\u00a0»?",
  );
});

test("a word that English uses twice has two translations", () => {
  expect(t("Run")).toBe("Exécuter");
  expect(t("Run", { as: "noun" })).toBe("Exécution");
  expect(t("Run", { as: "anything else" })).toBe("Exécuter");
});

test("a text that the catalogue lacks is said in English, in the right number", () => {
  expect(t("{n} goose waits | {n} geese wait", { n: 1 })).toBe("1 goose waits");
  expect(t("{n} goose waits | {n} geese wait", { n: 3 })).toBe("3 geese wait");
  expect(t("No translation, {name}.", { name: "Ada" })).toBe("No translation, Ada.");
});

test("what a person writes is read in the same language as it is shown", () => {
  expect(plain(count.formatCount(100_000))).toBe("100 000");
  expect(count.parseCount(count.formatCount(1_204_331))).toBe(1_204_331);
  expect(count.parseCount("2,5 M")).toBe(2_500_000);
  expect(duration.formatDuration(1_240)).toBe("1,24 s");
  expect(duration.formatDuration(259_200_000)).toBe("3 j");
  expect(duration.parseDuration("1,5 h")).toBe(5_400_000);
  expect(duration.parseDuration("3 j")).toBe(259_200_000);
  expect(bytes.formatBytes(3_200_000)).toBe("3,2 Mo");
  expect(bytes.parseBytes(bytes.formatByteLimit(256 * 1024 ** 2))).toBe(256 * 1024 ** 2);
  const now = Date.parse("2026-11-21T12:00:00.000Z");
  expect(instant.formatAge("2026-11-18T12:00:00.000Z", now)).toBe("il y a 3 j");
  expect(instant.formatAge("2026-11-21T11:59:59.000Z", now)).toBe("à l’instant");
});

test("every translation is a message that can be said, with a value in each place", () => {
  for (const [key, translation] of Object.entries(french)) {
    const names = [...key.matchAll(/\{(\w+)\}/g)].map((match) => match[1]!);
    for (const n of [1, 2]) {
      const values = Object.fromEntries(
        names.map((name) => [name, name === "n" ? n : `<${name}>`]),
      );
      const as = / \[(\w+)\]$/.exec(key)?.[1];
      const text = key.replace(/ \[\w+\]$/, "");
      const said = t(text, as === undefined ? values : { ...values, as });
      expect(said, key).not.toMatch(/\{\w+\}| \| /);
      if (names.length === 0 && !translation.includes("{'")) expect(said, key).toBe(translation);
    }
  }
});
