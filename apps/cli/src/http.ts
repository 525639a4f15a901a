/** `fetch` over node:http: it takes certificates of one's own, and sends files as streams. */
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { Readable } from "node:stream";
import { rootCertificates } from "node:tls";

export type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

/** How long a connection may take before the first byte of an answer; long polls are answered within 60 s. */
const ANSWER_MS = 120_000;
const NO_BODY = new Set([204, 205, 304]);

/** A fetch that knows what `createClient` uses of it. `ca`: certificates (PEM) beside those that Node trusts. */
export function openFetch(options: { ca: string | null } = { ca: null }): Fetch {
  const agents = {
    "http:": new HttpAgent({ keepAlive: true, maxSockets: 32 }),
    "https:": new HttpsAgent({
      keepAlive: true,
      maxSockets: 32,
      ...(options.ca === null ? {} : { ca: [...rootCertificates, options.ca] }),
    }),
  };
  return (input, init = {}) =>
    new Promise((resolve, reject) => {
      const url = new URL(String(input));
      const secure = url.protocol === "https:";
      const request = (secure ? httpsRequest : httpRequest)(url, {
        agent: agents[secure ? "https:" : "http:"],
        method: init.method ?? "GET",
        headers: Object.fromEntries(new Headers(init.headers)),
        ...(init.signal ? { signal: init.signal } : {}),
        timeout: ANSWER_MS,
      });
      request.on("timeout", () => request.destroy(new Error("no answer in two minutes")));
      request.on("error", (error) => reject(init.signal?.aborted ? init.signal.reason : error));
      request.on("response", (message) => {
        // A stream of events may be silent for longer than an answer may take.
        request.setTimeout(0);
        const moved = message.headers.location;
        if (moved !== undefined && message.statusCode! >= 300 && message.statusCode! < 400) {
          // The token goes to nobody whom the person did not name.
          request.destroy();
          reject(new Error(`it says that it is at ${moved}: set QUERN_URL to that address`));
        } else resolve(responseOf(message));
      });
      sendBody(request, init.body);
    });
}

function sendBody(request: NodeJS.WritableStream, body: RequestInit["body"]): void {
  if (body === undefined || body === null) request.end();
  else if (typeof body === "string" || body instanceof Uint8Array) request.end(body);
  else if (body instanceof ReadableStream) {
    const source = Readable.fromWeb(body as Parameters<typeof Readable.fromWeb>[0]);
    source.on("error", (error) => {
      if ("destroy" in request && typeof request.destroy === "function") request.destroy(error);
    });
    source.pipe(request);
  } else throw new TypeError("a body is text, bytes or a stream");
}

function responseOf(message: IncomingMessage): Response {
  const headers = new Headers();
  for (const [name, value] of Object.entries(message.headers)) {
    for (const one of [value ?? []].flat()) headers.append(name, one);
  }
  const status = message.statusCode ?? 500;
  const hasBody = !NO_BODY.has(status);
  if (!hasBody) message.resume();
  // Web streams of @types/node and of the DOM are the same thing by two names.
  const body = hasBody ? (Readable.toWeb(message) as ReadableStream<Uint8Array>) : null;
  return new Response(body, { status, statusText: message.statusMessage ?? "", headers });
}
