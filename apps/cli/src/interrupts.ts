/** Ctrl-C: the first one asks the command to end in order, the second one leaves at once. */
import { EXIT } from "./faults.ts";

export type Interrupts = {
  /** Aborted by the first Ctrl-C, unless somebody took it by `take`. */
  signal: AbortSignal;
  /** Until the returned function is called, Ctrl-C calls `handler` instead: a shell stops a statement with it. */
  take(handler: () => void): () => void;
};

export type Leave = (code: number) => void;

/** Listens to SIGINT, SIGTERM and SIGHUP of this process. */
export function listenForInterrupts(
  source: Pick<NodeJS.Process, "on"> = process,
  leave: Leave = (code) => process.exit(code),
): Interrupts {
  const controller = new AbortController();
  let taken: (() => void) | null = null;
  const interrupt = () => {
    if (taken !== null) taken();
    else if (controller.signal.aborted) leave(EXIT.canceled);
    else controller.abort(new InterruptedError());
  };
  source.on("SIGINT", interrupt);
  source.on("SIGTERM", () => {
    taken = null;
    interrupt();
  });
  source.on("SIGHUP", () => {
    taken = null;
    interrupt();
  });
  return {
    signal: controller.signal,
    take(handler) {
      taken = handler;
      return () => {
        taken = null;
      };
    },
  };
}

/** The person pressed Ctrl-C. */
export class InterruptedError extends Error {
  override name = "InterruptedError";
  override message = "interrupted";
}
