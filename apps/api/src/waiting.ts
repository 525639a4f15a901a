import type { FastifyRequest } from "fastify";
import type { Api } from "./api.ts";

/** Notifications may be lost: who waits looks by itself this often, too. */
const LOOK_EVERY_MS = 1000;

/** The run or job `id` when it has ended, or as it is after `ms`, or when the caller has gone or the server has to. */
export async function readAtEnd<T extends { finished_at: string | null }>(
  api: Api,
  id: string,
  ms: number,
  request: FastifyRequest,
  stopping: AbortSignal,
  read: () => Promise<T>,
): Promise<T> {
  if (ms === 0) return read();
  const deadline = Date.now() + ms;
  const gone = new AbortController();
  const abort = () => gone.abort();
  request.raw.socket.once("close", abort);
  stopping.addEventListener("abort", abort);
  if (stopping.aborted) abort();
  try {
    for (;;) {
      const left = deadline - Date.now();
      // Listen before looking: one that ends in between is not missed.
      const change = api.runChanges.next(id, Math.min(left, LOOK_EVERY_MS), gone.signal);
      const found = await read();
      if (found.finished_at !== null || left <= 0 || gone.signal.aborted) return found;
      await change;
    }
  } finally {
    gone.abort();
    request.raw.socket.off("close", abort);
    stopping.removeEventListener("abort", abort);
  }
}
