/** Waiting no longer than until a point in time. */
export class TimeoutError extends Error {
  override name = "TimeoutError";
}

/** The promise's value, or a TimeoutError when the deadline (as Date.now) comes first. */
export function within<T>(promise: Promise<T>, deadline: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new TimeoutError("timed out")),
      Math.max(deadline - Date.now(), 1),
    );
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
