import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { worthSaying } from "./child-process.ts";
import { openLogFile } from "./log-file.ts";
import { openTerminal } from "./terminal.ts";

test("a step ends in a tick or a cross with its time and detail", async () => {
  let printed = "";
  const terminal = openTerminal({ write: (text) => (printed += text) });
  await terminal.step("Keys", async (detail) => detail("made"));
  await expect(
    terminal.step("Disk", async () => {
      throw new Error("full");
    }),
  ).rejects.toThrow("full");
  expect(printed).toMatch(/✓ Keys +\d\.\d s {2}made\n.*✗ Disk +\d\.\d s\n/);
  expect(printed).not.toContain("\u001b");
});

test("only warnings, errors and crashes are worth a line on the terminal", () => {
  expect(worthSaying('{"level":30,"msg":"serving"}')).toBeNull();
  expect(worthSaying('{"level":40,"msg":"slow"}')).toBe("slow");
  expect(worthSaying('{"level":50,"msg":"lost","err":{"message":"gone"}}')).toBe("lost: gone");
  expect(worthSaying("TypeError: x is not a function")).toBe("TypeError: x is not a function");
  expect(worthSaying("{not json")).toBe("{not json");
});

test("a log rotates by size, loses no line and keeps three old files", async () => {
  const folder = await mkdtemp(join(tmpdir(), "quern-log-"));
  try {
    const log = await openLogFile(join(folder, "api.log"), () => {}, 100);
    const newest = () => readFile(join(folder, "api.log.1"), "utf8").catch(() => "");
    for (let i = 0; i < 12; i++) {
      const line = `line ${String(i).padStart(2, "0")}`;
      log.write(`${line} ${"x".repeat(40)}`);
      if (i % 3 === 2) await expect.poll(newest).toContain(line);
    }
    await log.close();
    const files = (await readdir(folder)).sort();
    expect(files).toEqual(["api.log", "api.log.1", "api.log.2", "api.log.3"]);
    expect(await newest()).toContain("line 11");
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test("a log that cannot be written is reported once and hurts nobody", async () => {
  const said: string[] = [];
  const log = await openLogFile("/dev/full", (message) => said.push(message));
  for (let i = 0; i < 5; i++) {
    log.write("a line");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await log.close();
  expect(said).toHaveLength(1);
  expect(said[0]).toContain("its lines are lost");
});
