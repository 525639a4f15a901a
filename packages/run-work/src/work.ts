import type { Outcome as Executed, Execution, ExecutionEvents } from "@quern/executor/pool";
import type { Progress } from "@quern/store/queue";
import type { RunWatch } from "./watch.ts";

/** What is known of a run at work, and the way to stop it. */
export class Work {
  readonly #watch: Pick<RunWatch, "begin">;
  #execution: Execution | undefined;
  #stop = false;
  #rows = 0;
  #bytes = 0;
  #startedAt: number | null = null;
  #firstRowAt: number | null = null;
  #executed: Executed | null = null;

  #onPart: NonNullable<ExecutionEvents["onPart"]> = () => {};

  constructor(watch: Pick<RunWatch, "begin">) {
    this.#watch = watch;
  }

  readonly events: ExecutionEvents = {
    onPart: (part, statement, data) => this.#onPart(part, statement, data),
    onStarted: () => {
      this.#startedAt = performance.now();
      this.#watch.begin("executing");
    },
    onFirstRow: () => {
      this.#firstRowAt = performance.now();
      this.#watch.begin("streaming");
    },
    onProgress: ({ rows, bytes }) => {
      this.#rows = rows;
      this.#bytes = bytes;
    },
  };

  follow(execution: Execution): void {
    this.#execution = execution;
    if (this.#stop) execution.cancel();
    void execution.result.then((executed) => {
      this.#executed = executed;
    });
  }

  /** How it ended in its process; null until then. */
  executed(): Executed | null {
    return this.#executed;
  }

  onPart(listener: NonNullable<ExecutionEvents["onPart"]>): void {
    this.#onPart = listener;
  }

  cancel(): void {
    this.#stop = true;
    this.#execution?.cancel();
  }

  /** Whether a person, or the loss of the lease, stopped it. */
  isCanceled(): boolean {
    return this.#stop;
  }

  now(): Progress {
    const ago = (at: number | null) => (at === null ? null : performance.now() - at);
    return {
      rows: this.#rows,
      bytes: this.#bytes,
      started_ago_ms: ago(this.#startedAt),
      first_row_ago_ms: ago(this.#firstRowAt),
    };
  }
}
