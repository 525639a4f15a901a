/** Server-sent events, as https://html.spec.whatwg.org/multipage/server-sent-events.html says to read them. */
export type SentEvent = { event: string; data: string; id: string | null };

/** No byte for so long, though the server sends a comment every 15 s: the connection is dead. */
const SILENCE_MS = 45_000;

export class SilentStreamError extends Error {
  override name = "SilentStreamError";
  override message = "the stream of events fell silent";
}

/** The events of a stream until it ends. Throws `SilentStreamError`, or what the stream broke by. */
export async function* readEvents(
  body: ReadableStream<Uint8Array>,
  silence_ms = SILENCE_MS,
): AsyncGenerator<SentEvent> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  try {
    for (;;) {
      const { done, value } = await within(reader.read(), silence_ms);
      if (done) return;
      text += decoder.decode(value, { stream: true });
      // A lone \r at the end may be half of \r\n.
      const blocks = text.split(/\r\n\r\n|\n\n|\r\r(?!$)/);
      text = blocks.pop()!;
      for (const block of blocks) {
        const event = eventOf(block);
        if (event) yield event;
      }
    }
  } finally {
    await reader.cancel().catch((error: unknown) => {
      // The stream broke, which whoever reads it has heard already.
      if (!(error instanceof Error)) throw error;
    });
  }
}

function eventOf(block: string): SentEvent | null {
  const fields: Record<string, string[]> = {};
  for (const line of block.split(/\r\n|\n|\r/)) {
    const [, name, value = ""] = /^([^:]+)(?:: ?(.*))?$/s.exec(line) ?? [];
    if (name !== undefined) fields[name] = [...(fields[name] ?? []), value];
  }
  if (fields.data === undefined) return null;
  return {
    event: fields.event?.at(-1) ?? "message",
    data: fields.data.join("\n"),
    id: fields.id?.at(-1) ?? null,
  };
}

async function within<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new SilentStreamError()), ms);
  });
  try {
    return await Promise.race([work, silence]);
  } finally {
    clearTimeout(timer);
  }
}
