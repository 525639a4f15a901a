import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
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

/** A server whose streams greet by their number, and a client that keeps one of them open. */
async function openAt({
  ends,
  silenceMs,
}: {
  ends: (stream: number) => boolean;
  silenceMs?: number;
}) {
  const open: ServerResponse[] = [];
  const server = createServer((_, response) => {
    open.push(response);
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(`event: hello\ndata: ${open.length}\n\n`);
    if (ends(open.length)) response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const heard: (string | boolean)[] = [];
  const stream = openEventStream({
    url: `http://127.0.0.1:${port}/`,
    onEvent: (event) => heard.push(event.data),
    onState: (state) => heard.push(state.connected),
    ...(silenceMs === undefined ? {} : { silenceMs }),
    backoffMs: () => 10,
  });
  onTestFinished(async () => {
    stream.stop();
    for (const response of open) response.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return heard;
}

test("a stream that ends is opened anew", async () => {
  const heard = await openAt({ ends: (stream) => stream < 3 });
  const wanted = [true, "1", false, true, "2", false, true, "3"];
  await expect.poll(() => heard).toEqual(wanted);
});

test("a stream that falls silent is opened anew", async () => {
  const heard = await openAt({ ends: () => false, silenceMs: 1500 });
  const hellos = () => heard.filter((each) => typeof each === "string");
  await expect.poll(() => hellos().length).toBeGreaterThan(1);
  // On a busy machine connecting, too, may take as long as silence: then that attempt is given up before it counts.
  const from = heard.indexOf(hellos()[0]!);
  const until = heard.indexOf(hellos()[1]!);
  expect(heard[from - 1]).toBe(true);
  expect(heard[from + 1]).toBe(false);
  expect(heard[until - 1]).toBe(true);
});
