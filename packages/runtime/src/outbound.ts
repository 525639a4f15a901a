/**
 * The one HTTP client for requests whose address somebody chose: webhooks, repositories. It resolves a name once, checks every
 * address and connects to one of those, so that a name that changes its mind changes nothing; and no server can make it wait, follow or read
 * beyond its limits. Proxies of the environment are not used: they would resolve the name themselves.
 */
import { lookup } from "node:dns/promises";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { parseAddress } from "./addresses.ts";
import { OutboundError } from "./outbound-error.ts";
import { exchange } from "./outbound-exchange.ts";
import { checkAddress, checkUrl, hostOf, type OutboundAllow } from "./outbound-rules.ts";

export type OutboundRequest = {
  url: string;
  method?: "GET" | "HEAD" | "POST";
  headers?: Record<string, string>;
  body?: string | Uint8Array;
  /** For all of it: the name, the connection, redirects and the body of the reply. */
  timeout_ms?: number;
  /** Of the reply's body. */
  max_bytes?: number;
  /** How many a GET or HEAD follows, each checked like the first address; none unless said. */
  redirects?: number;
  signal?: AbortSignal;
};

export type OutboundReply = {
  status: number;
  headers: IncomingHttpHeaders;
  /** Where the reply came from, after redirects. */
  url: string;
  /** As it came: nothing is decompressed. Throws `OutboundError` when it is too large, late or cut off. */
  body: AsyncIterable<Uint8Array>;
  /** Ends the connection. Whoever does not read the body to its end has to call it. */
  close(): void;
};

export type Outbound = {
  /** Sends the request. A redirect that is not followed is a reply like any other. Throws `OutboundError`. */
  open(request: OutboundRequest): Promise<OutboundReply>;
  /** Throws `OutboundError` unless a request to `url` would be allowed; a name that is not found now is no reason. */
  check(url: string): Promise<void>;
};

/** All addresses of a name. */
export type Resolve = (host: string) => Promise<string[]>;

const TIMEOUT_MS = 15_000;
const MAX_BYTES = 1024 * 1024;

export type OutboundOptions = {
  allow: OutboundAllow;
  resolve?: Resolve;
  /** Certificates to trust besides the system's, PEM. */
  ca?: string;
};

export function openOutbound({ allow, resolve = resolveAll, ca }: OutboundOptions): Outbound {
  /** Throws unless the URL may be asked; else the addresses to connect to. */
  const checked = async (url: URL, signal: AbortSignal): Promise<string[]> => {
    checkUrl(url, allow);
    const host = hostOf(url);
    if (parseAddress(host)) return [host];
    const addresses = await untilAborted(resolve(host), signal).catch((error: unknown) => {
      if (signal.aborted) throw endOf(signal);
      throw new OutboundError("name_not_found", `There is no address for the name ${host}.`, {
        cause: error,
      });
    });
    if (addresses.length === 0) {
      throw new OutboundError("name_not_found", `There is no address for the name ${host}.`);
    }
    for (const text of addresses) {
      const address = parseAddress(text);
      if (!address) throw new OutboundError("name_not_found", `${host} has no valid address.`);
      checkAddress(address, host, allow);
    }
    return addresses;
  };

  return {
    async check(text) {
      const { signal, done } = withDeadline(TIMEOUT_MS);
      await checked(parseUrl(text), signal)
        .catch((error: unknown) => {
          if (!(error instanceof OutboundError) || error.code !== "name_not_found") throw error;
        })
        .finally(done);
    },

    async open(request) {
      const { signal, done } = withDeadline(request.timeout_ms ?? TIMEOUT_MS, request.signal);
      try {
        let url = parseUrl(request.url);
        let headers = request.headers ?? {};
        let left = request.redirects ?? 0;
        for (;;) {
          const addresses = await checked(url, signal);
          const reply = await exchange({ ...request, url, headers, addresses, signal, ca });
          const next = (request.redirects ?? 0) > 0 ? redirectOf(request, reply, url) : undefined;
          if (!next) return toReply(reply, url, request.max_bytes ?? MAX_BYTES, signal, done);
          reply.destroy();
          if (left-- === 0) throw new OutboundError("redirect_refused", "It redirects too often.");
          if (next.origin !== url.origin) headers = withoutCredentials(headers);
          url = next;
        }
      } catch (error) {
        done();
        throw signal.aborted ? endOf(signal) : error;
      }
    },
  };
}

async function resolveAll(host: string): Promise<string[]> {
  return (await lookup(host, { all: true, verbatim: true })).map(({ address }) => address);
}

function parseUrl(text: string): URL {
  if (!URL.canParse(text))
    throw new OutboundError("invalid_url", "The address is not a valid URL.");
  return new URL(text);
}

const REDIRECTS = new Set([301, 302, 303, 307, 308]);

function redirectOf(request: OutboundRequest, reply: IncomingMessage, from: URL): URL | undefined {
  const { location } = reply.headers;
  if (!REDIRECTS.has(reply.statusCode ?? 0) || location === undefined) return undefined;
  if (request.method === "POST" || !URL.canParse(location, from.href)) {
    throw new OutboundError("redirect_refused", "It redirects, and this request does not follow.");
  }
  const to = new URL(location, from);
  if (from.protocol === "https:" && to.protocol !== "https:") {
    throw new OutboundError("redirect_refused", "It redirects from https to http.");
  }
  return to;
}

const CREDENTIALS = new Set(["authorization", "cookie", "proxy-authorization"]);

function withoutCredentials(headers: Record<string, string>): Record<string, string> {
  const kept = Object.entries(headers).filter(([name]) => !CREDENTIALS.has(name.toLowerCase()));
  return Object.fromEntries(kept);
}

function toReply(
  reply: IncomingMessage,
  url: URL,
  maxBytes: number,
  signal: AbortSignal,
  done: () => void,
): OutboundReply {
  // Errors reach whoever reads; without a reader they are nobody's.
  reply.on("error", () => {});
  const close = () => {
    done();
    reply.destroy();
  };
  async function* body(): AsyncGenerator<Uint8Array> {
    let read = 0;
    try {
      for await (const chunk of reply as AsyncIterable<Uint8Array>) {
        read += chunk.byteLength;
        if (read > maxBytes) {
          throw new OutboundError("reply_too_large", `The reply has more than ${maxBytes} bytes.`);
        }
        yield chunk;
      }
    } catch (error) {
      if (error instanceof OutboundError) throw error;
      if (signal.aborted) throw endOf(signal);
      throw new OutboundError("connection_failed", "The connection ended before the reply did.", {
        cause: error,
      });
    } finally {
      close();
    }
  }
  return {
    status: reply.statusCode ?? 0,
    headers: reply.headers,
    url: url.href,
    body: body(),
    close,
  };
}

/** A signal that aborts after `ms`, or with `parent`. */
function withDeadline(ms: number, parent?: AbortSignal): { signal: AbortSignal; done: () => void } {
  const controller = new AbortController();
  const late = `No complete reply within ${ms / 1000} seconds.`;
  const timer = setTimeout(() => controller.abort(new OutboundError("timed_out", late)), ms);
  const stop = () =>
    controller.abort(new OutboundError("interrupted", "Quern stopped while it waited."));
  parent?.addEventListener("abort", stop);
  if (parent?.aborted) stop();
  return {
    signal: controller.signal,
    done() {
      clearTimeout(timer);
      parent?.removeEventListener("abort", stop);
    },
  };
}

function endOf(signal: AbortSignal): OutboundError {
  return signal.reason as OutboundError;
}

/** Names are resolved by the system, which cannot be told to stop. */
function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(endOf(signal));
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
