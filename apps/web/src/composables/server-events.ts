export type ServerEvent = { type: string; data: string };

/** Reads `text/event-stream`: give it the text as it comes, it calls `emit` for each whole event. */
export function createEventParser(emit: (event: ServerEvent) => void): (chunk: string) => void {
  let rest = "";
  let type = "";
  let data: string[] = [];
  const readLine = (line: string) => {
    if (line === "") {
      if (data.length > 0) emit({ type: type || "message", data: data.join("\n") });
      type = "";
      data = [];
      return;
    }
    const colon = line.indexOf(":");
    const field = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") type = value;
    if (field === "data") data.push(value);
  };
  return (chunk) => {
    const lines = (rest + chunk).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? "";
    for (const line of lines) readLine(line);
  };
}

type StreamState = { connected: boolean; retryAt: number | null };

export type StreamConfig = {
  url: string;
  onEvent: (event: ServerEvent) => void;
  onState: (state: StreamState) => void;
  fetcher?: typeof fetch;
  /** A stream that says nothing for this long is dead: the server sends a comment every 15 s. */
  silenceMs?: number;
  backoffMs?: (attempt: number) => number;
};

export type EventStream = { stop: () => void; retryNow: () => void };

const gentleBackoff = (attempt: number) =>
  Math.min(15_000, 500 * 2 ** attempt) * (0.75 + Math.random() / 2);

/**
 * One event stream that is kept open: `EventSource` cannot see a half-open connection (comments do not reach it)
 * nor a refusal's status, so the stream is read by hand.
 */
export function openEventStream(config: StreamConfig): EventStream {
  const { silenceMs = 40_000, backoffMs = gentleBackoff, fetcher = fetch } = config;
  let stopped = false;
  let attempt = 0;
  let current = new AbortController();
  let wake: () => void = () => {};

  const connect = async () => {
    current = new AbortController();
    let watchdog = setTimeout(() => current.abort(), silenceMs);
    try {
      const response = await fetcher(config.url, {
        headers: { accept: "text/event-stream" },
        credentials: "same-origin",
        cache: "no-store",
        signal: current.signal,
      });
      if (!response.ok || response.body === null) return;
      attempt = 0;
      config.onState({ connected: true, retryAt: null });
      const parse = createEventParser(config.onEvent);
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        clearTimeout(watchdog);
        watchdog = setTimeout(() => current.abort(), silenceMs);
        parse(value);
      }
    } catch (error) {
      // A dropped connection is a TypeError, our own watchdog an AbortError: both mean "try again".
      if (!(error instanceof TypeError || error instanceof DOMException)) throw error;
    } finally {
      clearTimeout(watchdog);
    }
  };

  const pause = (ms: number) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });

  const keepOpen = async () => {
    while (!stopped) {
      await connect();
      if (stopped) return;
      const wait = backoffMs(attempt);
      attempt += 1;
      config.onState({ connected: false, retryAt: Date.now() + wait });
      await pause(wait);
    }
  };
  void keepOpen();

  return {
    stop() {
      stopped = true;
      current.abort();
      wake();
    },
    retryNow() {
      wake();
    },
  };
}
