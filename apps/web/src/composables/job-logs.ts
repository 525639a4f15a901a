import { LogLine, readJobLogs } from "@quern/contract/job-logs";
import { onScopeDispose, shallowRef, triggerRef, watch } from "vue";
import { api } from "../api.ts";
import { type EventStream, openEventStream } from "./server-events.ts";

/** The most lines that a page keeps; the oldest go first. */
const MOST = 20_000;

/** The log of a job as it is written: read from its beginning, and after a gap from where it broke off. */
export function useJobLogs(id: () => string) {
  const lines = shallowRef<LogLine[]>([]);
  const finished = shallowRef(false);
  const connected = shallowRef(false);
  let stream: EventStream | null = null;
  let last = 0;

  function open(jobId: string): void {
    stream?.stop();
    lines.value = [];
    finished.value = false;
    last = 0;
    const opened = openEventStream({
      url: api.url(readJobLogs, { params: { id: jobId } }),
      fetcher: (url, init) => {
        const headers = new Headers(init?.headers);
        if (last > 0) headers.set("last-event-id", String(last));
        return fetch(url, { ...init, headers });
      },
      onState: (state) => {
        connected.value = state.connected;
      },
      onEvent({ type, data }) {
        if (type === "end") {
          finished.value = true;
          opened.stop();
        }
        if (type !== "log") return;
        const line = LogLine.safeParse(JSON.parse(data));
        if (!line.success || line.data.id <= last) return;
        last = line.data.id;
        lines.value.push(line.data);
        if (lines.value.length > MOST) lines.value.splice(0, lines.value.length - MOST);
        triggerRef(lines);
      },
    });
    stream = opened;
  }
  watch(id, open, { immediate: true });
  onScopeDispose(() => stream?.stop());
  return { lines, finished, connected };
}
