import { EventEmitter } from "node:events";
import { type Listener, listen } from "@quern/store/listen";

/** News of runs, by id. Notifications are hints: who waits for a run also looks by itself now and then. */
export type RunChanges = {
  /** Calls back with the id of each run that changed, and with undefined when some may have been missed. */
  subscribe(onChange: (runId: string | undefined) => void): () => void;
  /** Resolves when the run changed, after `ms`, or when `signal` aborts. */
  next(runId: string, ms: number, signal: AbortSignal): Promise<void>;
  stop(): Promise<void>;
};

const RUN_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export function followRuns(databaseUrl: string): RunChanges {
  const emitter = new EventEmitter().setMaxListeners(0);
  const listener: Listener = listen(
    databaseUrl,
    ["quern_runs"],
    (_channel, runId) => {
      // Whoever may connect to the database may notify anything.
      if (!RUN_ID.test(runId)) return;
      emitter.emit(runId);
      emitter.emit("any", runId);
    },
    () => emitter.emit("any", undefined),
  );
  return {
    subscribe(onChange) {
      emitter.on("any", onChange);
      return () => emitter.off("any", onChange);
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
