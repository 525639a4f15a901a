/** What is kept back while it stays the same is sent once a day all the same. */

/** When something was last sent, and what it was. */
export type Sent = { hash: string; at: number } | null;

const DAY_MS = 24 * 60 * 60_000;

/** Whether what has this hash now is to be sent. */
export function isDue(last: Sent, hash: string, now: number): boolean {
  return last === null || last.hash !== hash || now - last.at >= DAY_MS;
}
