import { UnreachableError } from "@quern/contract/client";
import { type Ref, ref, shallowRef, watch } from "vue";
import { isTrouble } from "../words/problems.ts";
import { useConnection } from "./connection.ts";

export type Action<A extends unknown[], R> = {
  busy: Ref<boolean>;
  error: Ref<Error | null>;
  /** Does the deed. Resolves to undefined when it failed: `error` then says why. */
  run: (...args: A) => Promise<R | undefined>;
  /** What the deed that goes on, or else the last one, gives. */
  outcome: () => Promise<R | undefined>;
};

/** A deed that a person starts: one at a time, with its failure kept for the page to show. */
export function useAction<A extends unknown[], R>(deed: (...args: A) => Promise<R>): Action<A, R> {
  const busy = ref(false);
  const error = shallowRef<Error | null>(null);
  // "The server does not answer" is no longer true once it does.
  watch(useConnection().connection, (state) => {
    if (state === "back" && error.value instanceof UnreachableError) error.value = null;
  });
  let last: Promise<R | undefined> = Promise.resolve(undefined);
  async function attempt(args: A): Promise<R | undefined> {
    busy.value = true;
    error.value = null;
    try {
      return await deed(...args);
    } catch (problem) {
      if (!isTrouble(problem)) throw problem;
      error.value = problem;
      return undefined;
    } finally {
      busy.value = false;
    }
  }
  return {
    busy,
    error,
    async run(...args) {
      if (busy.value) return undefined;
      last = attempt(args);
      return await last;
    },
    outcome: () => last,
  };
}
