import type { Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { Client } from "pg";
import { impatientSocket } from "./silence.ts";

export type Channel =
  | "quern_queue"
  | "quern_runs"
  | "quern_cancel"
  | "quern_dashboards"
  | "quern_webhooks"
  | "quern_jobs"
  | "quern_job_events"
  | "quern_job_cancel"
  | "quern_instances";

const PING_MS = 20_000;
/** A connection that is told to end and does not: its other end is gone. */
const END_MS = 2_000;

export type Listener = { stop(): Promise<void> };

/**
 * Listens on a connection of its own and calls `onNotify` for each notification. A lost connection is opened again
 * after a second or so, and then `onGap` is called: something may have been missed. Notifications are hints only.
 */
export function listen(
  url: string,
  channels: readonly Channel[],
  onNotify: (channel: Channel, payload: string) => void,
  onGap: () => void,
): Listener {
  let stopped = false;
  let client: Client | undefined;
  const abort = new AbortController();
  let socket: Socket | undefined;

  const serve = async () => {
    while (!stopped) {
      client = new Client({
        connectionString: url,
        application_name: "quern listen",
        keepAlive: true,
        stream: () => {
          socket = impatientSocket();
          return socket;
        },
        connectionTimeoutMillis: 10_000,
      });
      const ended = new Promise<void>((resolve) => {
        client!.once("end", resolve);
        // It may fail more than once, and an error that nobody hears ends the process.
        client!.on("error", () => resolve());
      });
      client.on("notification", ({ channel, payload }) =>
        onNotify(channel as Channel, payload ?? ""),
      );
      if (await opened(client, channels)) {
        onGap();
        // A connection that only listens would not notice that its other end is gone.
        const ping = setInterval(() => client!.query("select 1").catch(ignoreEnded), PING_MS);
        await ended;
        clearInterval(ping);
      }
      client.end().catch(ignoreEnded);
      if (!stopped)
        await delay(500 + Math.random() * 1000, undefined, { signal: abort.signal }).catch(
          ignoreAbort,
        );
    }
  };
  const serving = serve();
  return {
    async stop() {
      stopped = true;
      abort.abort();
      const late = setTimeout(() => socket?.destroy(), END_MS);
      await client?.end();
      await serving;
      clearTimeout(late);
    },
  };
}

/** False when the server cannot be reached: the caller waits and tries again, and polling goes on meanwhile. */
async function opened(client: Client, channels: readonly Channel[]): Promise<boolean> {
  try {
    await client.connect();
    for (const channel of channels) await client.query(`listen ${channel}`);
    return true;
  } catch (error) {
    if (error instanceof Error) return false;
    throw error;
  }
}

function ignoreAbort(error: Error): void {
  if (error.name !== "AbortError") throw error;
}

/** A connection that is gone already cannot be ended once more. */
function ignoreEnded(error: unknown): void {
  if (!(error instanceof Error)) throw error;
}
