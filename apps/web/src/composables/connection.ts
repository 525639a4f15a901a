import { DashboardEvent, JobEvent, RunEvent, streamEvents } from "@quern/contract/events";
import type { QueryClient } from "@tanstack/vue-query";
import { ref } from "vue";
import { api, onUnreachable } from "../api.ts";
import { applyDashboardEvent } from "./dashboard-events.ts";
import { applyJobEvent } from "./job-events.ts";
import { applyRunEvent, refreshRuns } from "./runs.ts";
import { type EventStream, openEventStream } from "./server-events.ts";

type Connection = "connected" | "lost" | "back";

const connection = ref<Connection>("connected");
const retryAt = ref<number | null>(null);
let stream: EventStream | null = null;

/** How the tab stands with the server, and when it tries again (ms since 1970) if it is lost. */
export function useConnection() {
  return { connection, retryAt, retryNow: () => stream?.retryNow() };
}

/** Opens the tab's one event stream. Runs are kept fresh by it; everything is read anew after a gap. */
export function connectEvents(queries: QueryClient): () => void {
  const opened = openEventStream({
    url: api.url(streamEvents, {}),
    onState: (state) => changeState(queries, state.connected, state.retryAt),
    onEvent(event) {
      if (event.type === "dashboard") {
        const saved = DashboardEvent.safeParse(JSON.parse(event.data));
        if (saved.success) applyDashboardEvent(queries, saved.data);
      }
      if (event.type === "job") {
        const job = JobEvent.safeParse(JSON.parse(event.data));
        if (job.success) applyJobEvent(queries, job.data);
      }
      if (event.type !== "run") return;
      const run = RunEvent.safeParse(JSON.parse(event.data));
      if (run.success) applyRunEvent(queries, run.data);
      else refreshRuns(queries);
    },
  });
  stream = opened;
  const stopListening = onUnreachable(() => {
    if (connection.value === "lost") return;
    connection.value = "lost";
    opened.retryNow();
  });
  return () => {
    stopListening();
    opened.stop();
    if (stream === opened) stream = null;
  };
}

let failures = 0;

function changeState(queries: QueryClient, connected: boolean, nextTry: number | null): void {
  retryAt.value = nextTry;
  if (!connected) {
    failures += 1;
    // A server that restarts drops the stream once; say so only when it is not there at the second try.
    if (failures > 1) connection.value = "lost";
    return;
  }
  const hadFailed = failures > 0 || connection.value === "lost";
  failures = 0;
  if (!hadFailed) return;
  // Rows of a result that is there do not change.
  void queries.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] !== "tile-rows" });
  if (connection.value !== "lost") return;
  connection.value = "back";
  setTimeout(() => {
    if (connection.value === "back") connection.value = "connected";
  }, 3000);
}
