import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";

const room = (file: string) => JSON.stringify(new URL(`../dist/${file}`, import.meta.url).href);

/** A process that says when it stops, and that does `then` once it has started. */
async function runProcessThat(then: string, signals: NodeJS.Signals[] = []) {
  const script = `
    import { openLog } from ${room("log.js")};
    import { runProcess } from ${room("running.js")};
    const stop = async () => {
      console.log("stopping once");
      await new Promise((resolve) => setTimeout(resolve, 300));
    };
    await runProcess(openLog("test", "info"), async () => ({ stop }));
    setInterval(() => {}, 1000);
    console.log("started");
    ${then}`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.on("data", (chunk) => {
    output += chunk;
    if (String(chunk).includes("started")) for (const signal of signals) child.kill(signal);
  });
  const [code] = await once(child, "close");
  return { code, output };
}

test("a rejection that nobody handles ends the process with 1, and is logged", async () => {
  const { code, output } = await runProcessThat("void Promise.reject(new Error('nobody cares'));");
  expect(code).toBe(1);
  expect(output).toContain("nobody cares");
  expect(output).toContain("ended by an error that nothing handled");
});

test("so does an exception", async () => {
  const { code, output } = await runProcessThat("setTimeout(() => { throw new Error('oops'); });");
  expect(code).toBe(1);
  expect(output).toContain("oops");
});

test("SIGTERM, twice or with SIGINT, stops it once and in order", async () => {
  const { code, output } = await runProcessThat("", ["SIGTERM", "SIGTERM", "SIGINT"]);
  expect(code).toBe(0);
  expect(output.match(/stopping once/g)).toHaveLength(1);
});
