import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runVitest } from "./run-tests.ts";

const ARTIFACTS = resolve(import.meta.dirname, "../../artifacts");
const PASSES = 'import { test } from "vitest";\ntest("passes", () => {});\n';

let folder: string;

// Below the root, so that the planted tests find Vitest; git ignores the place.
beforeAll(async () => {
  await mkdir(ARTIFACTS, { recursive: true });
  folder = await mkdtemp(join(ARTIFACTS, "run-tests-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function counted(name: string, text: string, config = "export default {};") {
  const room = join(folder, name);
  await mkdir(room);
  await writeFile(join(room, "planted.test.ts"), text);
  await writeFile(join(room, "vitest.config.ts"), config);
  // What the planted tests print would pass for failures of this run.
  return runVitest(room, [], "ignore");
}

test("passed tests are counted, failed ones named with the first line of why", async () => {
  const text = `${PASSES}test("fails", () => { throw new Error("planted\\nsecond line"); });\ntest.skip("waits", () => {});\n`;
  expect(await counted("mixed", text)).toEqual({
    passed: 1,
    failures: ["planted.test.ts > fails: planted"],
  });
});

test("a test file that cannot be loaded is a failure", async () => {
  expect(await counted("unloadable", 'throw new Error("planted");')).toEqual({
    passed: 0,
    failures: ["planted.test.ts: planted"],
  });
});

test("an error outside any test is a failure", async () => {
  const text = `${PASSES}setTimeout(() => { throw new Error("planted"); }, 0);\ntest("waits", () => new Promise((settle) => setTimeout(settle, 50)));\n`;
  expect(await counted("unhandled", text)).toEqual({
    passed: 2,
    failures: ["outside any test: planted"],
  });
});

test("a Vitest that dies at its start is a failure", async () => {
  expect(await counted("crash", PASSES, "process.exit(7);")).toEqual({
    passed: 0,
    failures: [expect.stringContaining("Vitest died")],
  });
});
