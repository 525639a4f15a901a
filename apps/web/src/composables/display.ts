/** A wall screen: what its link shows, over a connection of its own that acts by the link's token. */
import { createClient, ProblemError } from "@quern/contract/client";
import { type Display, readDisplay } from "@quern/contract/display";
import { DashboardEvent, RunEvent, streamEvents } from "@quern/contract/events";
import { onScopeDispose, ref, shallowRef } from "vue";
import { isTrouble } from "../words/problems.ts";
import type { DashboardSource } from "./dashboard-source.ts";
import { openEventStream } from "./server-events.ts";
import { isNumber } from "./stored.ts";

const KEY = "quern:display";
/** How often it is asked whether the link still shows the same. */
const REREAD_MS = 300_000;
const RETRY_MS = 30_000;
const LONGEST_RETRY_MS = 120_000;

/** The token of `/display#token`. It is taken out of the address bar and kept for this tab, so that a reload finds it. */
export function readDisplayToken(): string | null {
  const found = location.hash.slice(1).replace(/^token=/, "");
  if (found !== "") {
    sessionStorage.setItem(KEY, found);
    history.replaceState(history.state, "", location.pathname + location.search);
  }
  return found === "" ? sessionStorage.getItem(KEY) : found;
}

export function useDisplay(token: string) {
  const authorization = `Bearer ${token}`;
  const client = createClient("", token);
  const connected = ref(true);
  const shown = shallowRef<Display | null>(null);
  /** Why the link shows nothing; null while it does. */
  const refusal = shallowRef<ProblemError | null>(null);
  /** When the server answered last, in ms. */
  const answeredAt = ref<number | null>(null);
  const runListeners = new Set<(event: RunEvent) => void>();
  const dashboardListeners = new Set<(event: DashboardEvent) => void>();
  const stop = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let pause = RETRY_MS;

  async function read(): Promise<void> {
    clearTimeout(timer);
    let next = REREAD_MS;
    try {
      const display = await client.call(readDisplay, { signal: stop.signal });
      if (JSON.stringify(display) !== JSON.stringify(shown.value)) shown.value = display;
      refusal.value = null;
      answeredAt.value = Date.now();
      pause = RETRY_MS;
    } catch (error) {
      if (stop.signal.aborted) return;
      if (!isTrouble(error)) throw error;
      // What the screen has stays while the server is away; a refusal takes it off.
      if (
        error instanceof ProblemError &&
        error.problem.status < 500 &&
        error.problem.status !== 429
      )
        refusal.value = error;
      next = pause;
      pause = Math.min(LONGEST_RETRY_MS, pause * 1.5);
    }
    timer = setTimeout(() => void read(), next);
  }
  const stream = openEventStream({
    url: client.url(streamEvents, {}),
    fetcher: (input, init) =>
      fetch(input, { ...init, headers: { ...init?.headers, authorization } }),
    onState(state) {
      const isBack = state.connected && !connected.value;
      connected.value = state.connected;
      if (isBack) void read();
    },
    onEvent({ type, data }) {
      if (type === "run") {
        const event = RunEvent.safeParse(JSON.parse(data));
        if (event.success) for (const listener of runListeners) listener(event.data);
      }
      if (type !== "dashboard") return;
      const event = DashboardEvent.safeParse(JSON.parse(data));
      if (event.success) for (const listener of dashboardListeners) listener(event.data);
      void read();
    },
  });
  void read();
  onScopeDispose(() => {
    stop.abort();
    clearTimeout(timer);
    stream.stop();
  });

  const source: DashboardSource = {
    client,
    connected,
    display: true,
    onRun(listener) {
      runListeners.add(listener);
      return () => runListeners.delete(listener);
    },
  };
  return {
    source,
    shown,
    refusal,
    answeredAt,
    read,
    onDashboard(listener: (event: DashboardEvent) => void): () => void {
      dashboardListeners.add(listener);
      return () => dashboardListeners.delete(listener);
    },
  };
}

/** Which of several items is shown, one after the other; `progress` goes from 0 to 1 while one is. */
export function useRotation(seconds: () => (number | null)[]) {
  const at = ref(0);
  const progress = ref(0);
  let begun = Date.now();
  const timer = setInterval(() => {
    const all = seconds();
    if (at.value >= all.length) at.value = 0;
    const own = all[at.value];
    if (all.length < 2 || !isNumber(own)) {
      progress.value = 0;
      return;
    }
    progress.value = Math.min(1, (Date.now() - begun) / (own * 1000));
    if (progress.value < 1) return;
    at.value = (at.value + 1) % all.length;
    progress.value = 0;
    begun = Date.now();
  }, 250);
  onScopeDispose(() => clearInterval(timer));
  return {
    at,
    progress,
    step(by: 1 | -1): void {
      const count = Math.max(1, seconds().length);
      at.value = (at.value + by + count) % count;
      progress.value = 0;
      begun = Date.now();
    },
  };
}

/** Keeps the screen from going to sleep, as far as the browser can. */
export function useWakeLock(): void {
  let lock: WakeLockSentinel | null = null;
  const take = async () => {
    if (!("wakeLock" in navigator) || document.visibilityState !== "visible") return;
    try {
      lock = await navigator.wakeLock.request("screen");
    } catch (error) {
      // Refused: a battery that is low, or a policy.
      if (!(error instanceof DOMException)) throw error;
    }
  };
  const retake = () => void take();
  document.addEventListener("visibilitychange", retake);
  retake();
  onScopeDispose(() => {
    document.removeEventListener("visibilitychange", retake);
    void lock?.release();
  });
}
