import { EventEmitter } from "node:events";
import { type Listener, listen } from "@quern/store/listen";

/** News of runs, jobs and dashboards, by id. Notifications are hints: who waits for a run also looks by itself now and then. */
export type RunChanges = {
  /** Calls back with the id of each run that changed, and with undefined when some may have been missed. */
  subscribe(onChange: (runId: string | undefined) => void): () => void;
  /** Calls back with the id of each dashboard that was saved. */
  subscribeDashboards(onChange: (dashboardId: string) => void): () => void;
  /** Calls back when there may be a message to send to a webhook. */
  subscribeWebhooks(onMessage: () => void): () => void;
  /** Calls back with the id of each job that changed, and with undefined when some may have been missed. */
  subscribeJobs(onChange: (jobId: string | undefined) => void): () => void;
  /** Resolves when the run or job changed, after `ms`, or when `signal` aborts. */
  next(id: string, ms: number, signal: AbortSignal): Promise<void>;
  stop(): Promise<void>;
};

const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export function followRuns(databaseUrl: string): RunChanges {
  const emitter = new EventEmitter().setMaxListeners(0);
  const listener: Listener = listen(
    databaseUrl,
    ["quern_runs", "quern_dashboards", "quern_webhooks", "quern_job_events"],
    (channel, id) => {
      if (channel === "quern_webhooks") {
        emitter.emit("webhook");
        return;
      }
      // Whoever may connect to the database may notify anything.
      if (!ID.test(id)) return;
      if (channel === "quern_dashboards") {
        emitter.emit("dashboard", id);
        return;
      }
      emitter.emit(id);
      emitter.emit(channel === "quern_job_events" ? "job" : "any", id);
    },
    () => {
      emitter.emit("any", undefined);
      emitter.emit("job", undefined);
    },
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
    subscribeJobs(onChange) {
      emitter.on("job", onChange);
      return () => emitter.off("job", onChange);
    },
    subscribeWebhooks(onMessage) {
      emitter.on("webhook", onMessage);
      return () => emitter.off("webhook", onMessage);
    },
    next(id, ms, signal) {
      return new Promise((resolve) => {
        const done = () => {
          clearTimeout(timer);
          emitter.off(id, done);
          signal.removeEventListener("abort", done);
          resolve();
        };
        const timer = setTimeout(done, ms);
        emitter.once(id, done);
        signal.addEventListener("abort", done);
        if (signal.aborted) done();
      });
    },
    stop: () => listener.stop(),
  };
}
