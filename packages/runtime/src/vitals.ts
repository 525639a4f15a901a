import { monitorEventLoopDelay } from "node:perf_hooks";

export type Vitals = {
  /** Resident bytes. */
  rss: number;
  /** Cores used since the last reading. */
  cpu: number;
  /** 99th percentile since the last reading, seconds. */
  event_loop_lag_s: number;
};

export type VitalsReader = { read(): Vitals; stop(): void };

/** Node's histogram counts a timer of this many milliseconds, on time, as so many; what is above is lag. */
const RESOLUTION_MS = 20;

/** Watches how this process is. Each reading is about the time since the one before. */
export function watchVitals(): VitalsReader {
  const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delays.enable();
  let cpu = process.cpuUsage();
  let at = performance.now();
  return {
    read() {
      const used = process.cpuUsage(cpu);
      const seconds = (performance.now() - at) / 1000;
      const lag = delays.count === 0 ? 0 : delays.percentile(99) / 1e9 - RESOLUTION_MS / 1000;
      cpu = process.cpuUsage();
      at = performance.now();
      delays.reset();
      return {
        rss: process.memoryUsage.rss(),
        cpu: seconds > 0 ? round((used.user + used.system) / 1e6 / seconds) : 0,
        event_loop_lag_s: round(Math.max(0, lag)),
      };
    },
    stop: () => delays.disable(),
  };
}

function round(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}
