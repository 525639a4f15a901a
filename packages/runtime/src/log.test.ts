import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const LOG = fileURLToPath(new URL("../dist/log.js", import.meta.url));
const LAST_WORDS = `
  import { openLog } from ${JSON.stringify(LOG)};
  const log = openLog("test", "info");
  log.info("started");
  process.stdin.on("end", () => {
    log.info("stopping");
    log.info("stopped");
    process.exit(7);
  }).resume();
`;

test("a process whose log nobody reads any more still ends", async () => {
  const child = spawn(process.execPath, ["--input-type=module", "-e", LAST_WORDS], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  const [first] = await once(child.stdout, "data");
  expect(String(first)).toContain('"msg":"started"');
  child.stdout.destroy();
  await once(child.stdout, "close");
  child.stdin.end();
  expect((await exited)[0]).toBe(7);
});

test("an error is logged without the values that PostgreSQL quotes in it", async () => {
  const words = `
    import { openLog } from ${JSON.stringify(LOG)};
    const cause = Object.assign(new Error('invalid input syntax for type integer: "a \\n secret"'), {
      code: "22P02", detail: "secret", where: "secret", query: "secret" });
    openLog("test", "info").error({ err: new Error("outer", { cause }), password: "secret" }, "failed");
  `;
  const child = spawn(process.execPath, ["--input-type=module", "-e", words], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.on("data", (text) => {
    output += text;
  });
  await once(child, "close");
  expect(output).not.toContain("secret");
  expect(JSON.parse(output).err.cause).toMatchObject({
    code: "22P02",
    message: 'invalid input syntax for type integer: "…"',
    stack: expect.stringMatching(/^\s+at /),
  });
});
