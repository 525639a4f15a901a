/** The server, or the network, has not answered in time. */
export class DeadlineError extends Error {
  override name = "DeadlineError";
  readonly code = "ETIMEDOUT";
}

/** The promise's value, or `DeadlineError` after `ms`; `expired` runs first, to end what is being waited for. */
export function within<T>(promise: Promise<T>, ms: number, expired: () => void): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => {
        expired();
        reject(new DeadlineError("no answer in time"));
      },
      Math.max(ms, 1),
    );
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** For goodbyes: what does not answer has ended as well. */
export function ignoreDeadline(error: unknown): void {
  if (!(error instanceof DeadlineError)) throw error;
}
