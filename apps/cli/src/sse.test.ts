import fc from "fast-check";
import { expect, test } from "vitest";
import { readEvents, type SentEvent } from "./sse.ts";

async function read(chunks: Uint8Array[]): Promise<SentEvent[]> {
  const events: SentEvent[] = [];
  for await (const event of readEvents(ReadableStream.from(chunks))) events.push(event);
  return events;
}

test("events are the same however the bytes are cut, and whatever ends the lines", async () => {
  const text =
    ': comment\n\nid: 7\nevent: log\ndata: {"a":\ndata: "é👍"}\n\ndata:x\n\nevent: end\ndata: \n\n';
  const expected = [
    { event: "log", data: '{"a":\n"é👍"}', id: "7" },
    { event: "message", data: "x", id: null },
    { event: "end", data: "", id: null },
  ];
  for (const end of ["\n", "\r\n"]) {
    const bytes = new TextEncoder().encode(text.replaceAll("\n", end));
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(bytes.length), { maxLength: 12 }), async (cuts) => {
        const places = [0, ...cuts.toSorted((a, b) => a - b), bytes.length];
        const chunks = places.slice(1).map((to, index) => bytes.slice(places[index], to));
        expect(await read(chunks)).toEqual(expected);
      }),
      { numRuns: 60 },
    );
  }
});

test("a stream that says nothing any more is given up", async () => {
  const silent = new ReadableStream<Uint8Array>({ start() {} });
  await expect(readEvents(silent, 50).next()).rejects.toThrow("fell silent");
});
