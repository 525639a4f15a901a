import type { Answered, Question, Questions, Told } from "./messages.ts";

export type WorkerPort = {
  tell(told: Told): void;
  /** Null when the worker could not answer, or is gone: the editor does without. */
  ask<Q extends Question>(
    question: Q,
    ask: Questions[Q]["ask"],
  ): Promise<Questions[Q]["answer"] | null>;
};

/** Talks with a worker that `open` starts when it is first needed. */
export function workerPort(open: () => Worker): WorkerPort {
  const waiting = new Map<number, (answer: unknown) => void>();
  let worker: Worker | null = null;
  let asked = 0;

  function start(): Worker {
    const started = open();
    started.onmessage = ({ data }: MessageEvent<Answered>) => {
      if ("failure" in data) console.error("The editor's worker:", data.failure);
      waiting.get(data.id)?.("failure" in data ? null : data.answer);
      waiting.delete(data.id);
    };
    started.onerror = (event) => {
      console.error("The editor's worker broke:", event.message);
      for (const settle of waiting.values()) settle(null);
      waiting.clear();
    };
    return started;
  }
  return {
    tell(told) {
      worker ??= start();
      worker.postMessage(told);
    },
    ask<Q extends Question>(question: Q, ask: Questions[Q]["ask"]) {
      worker ??= start();
      asked += 1;
      const id = asked;
      const answer = new Promise<Questions[Q]["answer"] | null>((settle) => {
        waiting.set(id, settle as (answer: unknown) => void);
      });
      worker.postMessage({ id, question, ask });
      return answer;
    },
  };
}
