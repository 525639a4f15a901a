import type { Log } from "./log.ts";

/** A started process or part of one. `stop` ends it in order and may be called twice. */
export type Running = { stop(): Promise<void> };

/**
 * Runs `start` until SIGTERM, SIGINT or the end of the parent that holds our ipc channel, then stops it and exits.
 * What nobody caught ends the process with code 1, since its state is unknown then. `deadlineMs` bounds the stop.
 */
export async function runProcess(
  log: Log,
  start: () => Promise<Running>,
  deadlineMs = 30_000,
): Promise<void> {
  const fail = (error: unknown) => {
    log.fatal({ err: error }, "ended by an error that nothing handled");
    process.exit(1);
  };
  process.on("uncaughtException", fail);
  process.on("unhandledRejection", fail);

  let running: Running | undefined;
  let stopping = false;
  const stop = (reason: string) => {
    if (stopping) return;
    stopping = true;
    log.info({ reason }, "stopping");
    setTimeout(() => {
      log.error({ deadlineMs }, "did not stop in time");
      process.exit(1);
    }, deadlineMs).unref();
    Promise.resolve(running?.stop()).then(() => process.exit(0), fail);
  };
  process.on("SIGTERM", () => stop("SIGTERM"));
  process.on("SIGINT", () => stop("SIGINT"));
  process.on("disconnect", () => stop("the parent process ended"));
  running = await start();
}

/** Tells a supervising parent, when there is one, that this process serves. */
export function announceReady(details: Record<string, unknown> = {}): void {
  process.send?.({ type: "ready", ...details });
}
