import { parseControl } from "@quern/postmaster/extension-controls";
import { describe, expect, test } from "vitest";
import { type Possibilities, resolveEnvironment } from "./environment.ts";
import type { Engine, EnvironmentSpec } from "./instances.ts";
import { configurationText } from "./profile.ts";
import { checkSettings } from "./settings.ts";

const extension = (name: string, requires: string[] = [], trusted = false) => ({
  name,
  requires,
  trusted,
  default_version: "1.0",
  allowed: true,
  comment: "",
});
const engine = (major: number, digest = "aa"): Engine => ({
  major,
  version: `${major}.4`,
  digest,
  extensions: [
    extension("hstore", [], true),
    extension("cube", [], true),
    extension("earthdistance", ["cube"]),
    extension("postgres_fdw"),
    extension("file_fdw"),
    extension("plpython3u"),
  ],
});
const here: Possibilities = {
  engines: [engine(18), engine(15)],
  network: true,
  no_superuser: null,
};
const resolve = (asked: EnvironmentSpec, possibilities = here) =>
  resolveEnvironment(asked, possibilities);
const keyOf = (asked: EnvironmentSpec, possibilities = here) =>
  resolve(asked, possibilities).env_key.toString("hex");

describe("the key of an environment", () => {
  test("is the same however the same is asked for", () => {
    const key = keyOf({});
    expect(key).toHaveLength(64);
    expect(keyOf({ engine_version: 18, extensions: [], settings: {}, superuser: false })).toBe(key);
    expect(keyOf({ extensions: ["earthdistance", "hstore"] })).toBe(
      keyOf({ extensions: ["hstore", "cube", "earthdistance", "hstore"] }),
    );
    expect(keyOf({ settings: { Work_Mem: " 8MB " } })).toBe(
      keyOf({ settings: { work_mem: "8MB" } }),
    );
  });

  test("differs with whatever changes what the server does", () => {
    const asked: EnvironmentSpec[] = [
      {},
      { engine_version: 15 },
      { extensions: ["hstore"] },
      { extensions: ["cube"] },
      { settings: { work_mem: "8MB" } },
      { settings: { work_mem: "9MB" } },
      { settings: { "app.tenant": "8MB" } },
      { superuser: true },
    ];
    const keys = [
      ...asked.map((one) => keyOf(one)),
      keyOf({}, { ...here, engines: [engine(18, "bb")] }),
    ];
    expect(new Set(keys).size).toBe(keys.length);
  });

  test("does not run values together", () => {
    expect(keyOf({ settings: { "a.b": "c", "a.d": "" } })).not.toBe(
      keyOf({ settings: { "a.b": "", "a.d": "c" } }),
    );
  });
});

test("what another extension requires comes before it", () => {
  const names = resolve({ extensions: ["earthdistance"] }).extensions.map(({ name }) => name);
  expect(names).toEqual(["cube", "earthdistance"]);
});

test.each<[EnvironmentSpec, string, RegExp]>([
  [{ engine_version: 12 }, "unsupported_engine", /there is 18, 15/],
  [{ extensions: ["nope"] }, "unknown_extension", /no extension nope/],
  [{ extensions: ["file_fdw"] }, "unknown_extension", /reaches files or programs/],
  [{ extensions: ["plpython3u"] }, "unknown_extension", /reaches files or programs/],
  [
    { settings: { archive_command: "id" } },
    "setting_not_allowed",
    /archive_command cannot be chosen/,
  ],
  [{ settings: { shared_preload_libraries: "x" } }, "setting_not_allowed", /cannot be chosen/],
  [{ settings: { "plperl.on_init": "x" } }, "setting_not_allowed", /cannot be chosen/],
])("%j is refused", (asked, code, words) => {
  expect(() => resolve(asked)).toThrow(
    expect.objectContaining({ code, message: expect.stringMatching(words) }),
  );
});

test("without a network namespace nothing that connects is allowed, and no superuser", () => {
  const poor = { ...here, network: false, no_superuser: "Not here." };
  expect(() => resolve({ extensions: ["postgres_fdw"] }, poor)).toThrow(/network namespace/);
  expect(() => resolve({ superuser: true }, poor)).toThrow("Not here.");
});

describe("settings", () => {
  test.each([
    ["work_mem", "64kB", true],
    ["work_mem", "63kB", false],
    ["work_mem", "1GB", false],
    ["work_mem", "-1", false],
    ["shared_buffers", "512MB", true],
    ["enable_seqscan", "OFF", true],
    ["enable_seqscan", "maybe", false],
    ["random_page_cost", "1.1", true],
    ["random_page_cost", "NaN", false],
    ["default_statistics_target", "1.5", false],
    ["statement_timeout", "10min", true],
    ["statement_timeout", "2d", false],
    ["search_path", '"$user", app, public', true],
    ["search_path", "a'; drop", false],
    ["app.tenant", "anything 'quoted' \\", true],
    ["app.tenant", "two\nlines", false],
  ])("%s = %s: %s", (name, value, fine) => {
    const check = () => checkSettings({ [name]: value }, 18);
    if (fine) expect(check()).toEqual({ [name]: value });
    else expect(check).toThrow(expect.objectContaining({ code: "setting_not_allowed" }));
  });

  test("those of later versions are refused by earlier ones", () => {
    expect(() => checkSettings({ enable_memoize: "off" }, 13)).toThrow(/from PostgreSQL 14 on/);
    expect(() => checkSettings({ work_mem: "8MB", WORK_MEM: "9MB" }, 18)).toThrow(/given twice/);
    expect(() => checkSettings({ toString: "x" }, 18)).toThrow(/cannot be chosen/);
  });
});

test("values are written so that the server reads them back as they are", () => {
  expect(configurationText({ "app.x": "it's a \\ path", b: "1" })).toBe(
    "app.x = 'it''s a \\\\ path'\nb = '1'\n",
  );
});

test("control files are read as PostgreSQL reads them", () => {
  const control = parseControl(
    "# comment\ncomment = 'it''s'\ndefault_version = '1.8' # now\ntrusted = true\nrequires = 'a, b'\n",
  );
  expect(Object.fromEntries(control)).toEqual({
    comment: "it's",
    default_version: "1.8",
    trusted: "true",
    requires: "a, b",
  });
});
