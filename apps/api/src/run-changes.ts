import { EventEmitter } from "node:events";
import { type Listener, listen } from "@quern/store/listen";

/** News of runs and dashboards, by id. Notifications are hints: who waits for a run also looks by itself now and then. */
export type RunChanges = {
  /** Calls back with the id of each run that changed, and with undefined when some may have been missed. */
  subscribe(onChange: (runId: string | undefined) => void): () => void;
  /** Calls back with the id of each dashboard that was saved. */
  subscribeDashboards(onChange: (dashboardId: string) => void): () => void;
  /** Resolves when the run changed, after `ms`, or when `signal` aborts. */
  next(runId: string, ms: number, signal: AbortSignal): Promise<void>;
  stop(): Promise<void>;
};

const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export function followRuns(databaseUrl: string): RunChanges {
  const emitter = new EventEmitter().setMaxListeners(0);
  const listener: Listener = listen(
    databaseUrl,
    ["quern_runs", "quern_dashboards"],
    (channel, id) => {
      // Whoever may connect to the database may notify anything.
      if (!ID.test(id)) return;
      if (channel === "quern_dashboards") {
        emitter.emit("dashboard", id);
        return;
      }
      emitter.emit(id);
      emitter.emit("any", id);
    },
    () => emitter.emit("any", undefined),
  );
  return {
    subscribe(onChange) {
      emitter.on("any", onChange);
      return () => emitter.off("any", onChange);
    },
    subscribeDashboards(onChange) {
      emitter.on("dashboard", onChange);
      return () => emitter.off("dashboard", onChange);
    },
    next(runId, ms, signal) {
      return new Promise((resolve) => {
        const done = () => {
          clearTimeout(timer);
          emitter.off(runId, done);
          signal.removeEventListener("abort", done);
          resolve();
        };
        const timer = setTimeout(done, ms);
        emitter.once(runId, done);
        signal.addEventListener("abort", done);
        if (signal.aborted) done();
      });
    },
    stop: () => listener.stop(),
  };
}
