import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { createEventParser, openEventStream, type ServerEvent } from "./server-events.ts";

test("events are whole however the text is cut, and comments are not events", () => {
  const text =
    ': hi\r\n\r\nevent: run\r\ndata: {"a":\r\ndata: 1}\r\n\r\ndata: plain\n\nevent: lost\n\n';
  for (const size of [1, 2, 3, 7, text.length]) {
    const events: ServerEvent[] = [];
    const parse = createEventParser((event) => events.push(event));
    for (let at = 0; at < text.length; at += size) parse(text.slice(at, at + size));
    expect(events).toEqual([
      { type: "run", data: '{"a":\n1}' },
      { type: "message", data: "plain" },
    ]);
  }
});

test("a stream that ends, and one that falls silent, are opened anew", async () => {
  const open: ServerResponse[] = [];
  const server = createServer((_, response) => {
    open.push(response);
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(`event: hello\ndata: ${open.length}\n\n`);
    if (open.length === 1) response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const hellos: string[] = [];
  const states: boolean[] = [];
  const stream = openEventStream({
    url: `http://127.0.0.1:${port}/`,
    onEvent: (event) => hellos.push(event.data),
    onState: (state) => states.push(state.connected),
    silenceMs: 1500,
    backoffMs: () => 10,
  });
  await expect
    .poll(() => hellos, { timeout: 20_000 })
    .toEqual(expect.arrayContaining(["1", "2", "3"]));
  stream.stop();
  expect(states.slice(0, 3)).toEqual([true, false, true]);
  for (const response of open) response.destroy();
  await new Promise((resolve) => server.close(resolve));
});
