import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { UploadConfig } from "../config/agent-config.ts";
import { openSpool, type Spool } from "../spool/spool.ts";
import { testingConfig } from "../testing-config.ts";
import { testingItem, testingLog } from "../testing-payload.ts";
import { startUploader } from "./uploader.ts";

let dir: string;
let spool: Spool;
const { log } = testingLog();

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "quern-upload-"));
  spool = await openSpool({ dir, max_bytes: 10_000_000, max_age_ms: 86_400_000 });
});
afterEach(() => rm(dir, { recursive: true, force: true }));

function start(more: Partial<UploadConfig>) {
  const { upload } = testingConfig();
  if (upload === null) throw new Error("the settings of tests have an upload");
  const times = { first_retry: 1, max_retry: 1, pause: 10 };
  return startUploader({ ...upload, ...more }, spool, { log, learn: () => {}, times });
}

test("N7: a server that accepts and is silent costs one deadline, and the socket", async () => {
  const sockets = new Set<unknown>();
  const silent = createServer((socket) => {
    sockets.add(socket);
    socket
      .on("close", () => sockets.delete(socket))
      .on("error", () => {})
      .resume();
  });
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  const { port } = silent.address() as { port: number };
  await spool.put(testingItem());
  const running = start({
    endpoint: `http://127.0.0.1:${port}/ingest`,
    timeout_ms: 50,
    retries: 2,
  });
  await running.drain();
  expect(running.state()).toMatchObject({ problem: "no answer within 0.05 s" });
  expect(running.state().uploads.error).toBeGreaterThan(2);
  await running.stop();
  await expect.poll(() => sockets.size).toBe(0);
  await new Promise((resolve) => silent.close(resolve));
  expect(spool.state().payloads).toBe(1);
});

test("an answer without end is cut off", async () => {
  const flood = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => {
      socket.write("HTTP/1.1 202 Accepted\r\ncontent-type: text/plain\r\n\r\n");
      const pour = () => {
        while (!socket.destroyed && socket.write("x".repeat(65_536)));
      };
      socket.on("drain", pour);
      pour();
    });
  });
  await new Promise<void>((resolve) => flood.listen(0, "127.0.0.1", resolve));
  const { port } = flood.address() as { port: number };
  await spool.put(testingItem());
  const running = start({ endpoint: `http://127.0.0.1:${port}/ingest`, retries: 0 });
  await running.drain();
  expect(running.state().problem).toBe("the answer is too large");
  await running.stop();
  await new Promise((resolve) => flood.close(resolve));
});
