import { createClient } from "@quern/contract/client";

type Listener = () => void;
const signedOut = new Set<Listener>();
const unreachable = new Set<Listener>();

/** `listener` is called whenever the API says that nobody is signed in any more. Returns how to stop. */
export function onSignedOut(listener: Listener): () => void {
  signedOut.add(listener);
  return () => signedOut.delete(listener);
}

/** `listener` is called whenever a request found no server. Returns how to stop. */
export function onUnreachable(listener: Listener): () => void {
  unreachable.add(listener);
  return () => unreachable.delete(listener);
}

let skew = 0;

/** Milliseconds to add to this machine's clock for the server's. Under two seconds are taken for none. */
export function serverSkew(): number {
  return skew;
}

function measureSkew(response: Response, sentAt: number): void {
  const date = response.headers.get("date");
  if (date === null) return;
  const middle = (sentAt + Date.now()) / 2;
  const difference = Date.parse(date) + 500 - middle;
  skew = Math.abs(difference) < 2000 ? 0 : difference;
}

async function watchedFetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
  let response: Response;
  const sentAt = Date.now();
  try {
    response = await fetch(input, init);
  } catch (error) {
    if (!init?.signal?.aborted) for (const listener of unreachable) listener();
    throw error;
  }
  if (Date.now() - sentAt < 2000) measureSkew(response, sentAt);
  // Signing in with a wrong password is a 401 as well; only a session that ended sends people away.
  const signingIn = init?.method === "POST" && String(input).endsWith("/api/v1/session");
  if (response.status === 401 && !signingIn) for (const listener of signedOut) listener();
  return response;
}

/** The API of the page's own origin, with the session's cookie. */
export const api = createClient("", undefined, watchedFetch);
