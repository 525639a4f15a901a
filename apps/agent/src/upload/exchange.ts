import {
  type ClientRequest,
  request as httpRequest,
  type IncomingHttpHeaders,
  type RequestOptions,
} from "node:http";
import { request as httpsRequest } from "node:https";
import { ExchangeError } from "./exchange-error.ts";
import { openTunnel, tlsOptions } from "./tunnel.ts";

export type Exchange = { status: number; headers: IncomingHttpHeaders; text: string };

const MAX_ANSWER_BYTES = 1024 * 1024;

export type Request = {
  headers: Record<string, string>;
  body?: Buffer;
  timeout_ms: number;
  /** PEM of authorities to trust beside Node's. */
  ca: string | null;
  /** URL of an HTTP proxy to go through to https. */
  proxy: string | null;
  signal?: AbortSignal;
};

/**
 * One request on a connection of its own, which is destroyed at the deadline, whatever it waits for. TLS is 1.2 or later
 * and verified, whatever the environment says. Redirects are answers like others. Throws `ExchangeError`.
 */
export async function exchange(
  method: "GET" | "POST",
  url: string,
  request: Request,
): Promise<Exchange> {
  const { ca, proxy, timeout_ms, signal } = request;
  if (!url.startsWith("https:"))
    return await ask(httpRequest(url, asked(method, request)), request);
  if (proxy === null) {
    const options = { ...asked(method, request), ...tlsOptions(ca) };
    return await ask(httpsRequest(url, options), request);
  }
  const began = performance.now();
  const socket = await openTunnel(proxy, new URL(url), ca, timeout_ms, signal);
  // With an agent, `false` included, Node makes a connection of its own.
  const options = { ...asked(method, request), agent: undefined, createConnection: () => socket };
  const left = Math.max(1, timeout_ms - (performance.now() - began));
  return await ask(httpsRequest(url, options), { ...request, timeout_ms: left });
}

function asked(method: string, { headers, body, signal }: Request): RequestOptions {
  return {
    method,
    agent: false,
    headers: { ...headers, ...(body && { "content-length": String(body.length) }) },
    ...(signal && { signal }),
  };
}

function ask(outgoing: ClientRequest, { body, timeout_ms }: Request): Promise<Exchange> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      const seconds = Math.round(timeout_ms) / 1000;
      outgoing.destroy(new ExchangeError(`no answer within ${seconds} s`, "DEADLINE"));
    }, timeout_ms);
    outgoing.on("error", (error) => reject(asExchangeError(error)));
    outgoing.on("close", () => clearTimeout(timer));
    outgoing.on("response", (answer) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      answer.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        chunks.push(chunk);
        if (bytes > MAX_ANSWER_BYTES) {
          outgoing.destroy(new ExchangeError("the answer is too large", "TOO_LARGE"));
        }
      });
      // A destroyed request ends its answer with an error of its own.
      answer.on("error", (error) => reject(asExchangeError(error)));
      answer.on("end", () => {
        const text = Buffer.concat(chunks).toString("utf8");
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text });
      });
    });
    outgoing.end(body);
  });
}

function asExchangeError(error: Error): ExchangeError {
  if (error instanceof ExchangeError) return error;
  const { code = error.name } = error as NodeJS.ErrnoException;
  return new ExchangeError(`${sentenceOf(code)} (${code})`, code, { cause: error });
}

const SENTENCES: Record<string, string> = {
  ECONNREFUSED: "nothing listens at the endpoint",
  ENOTFOUND: "the endpoint's name cannot be resolved",
  EAI_AGAIN: "the endpoint's name cannot be resolved at the moment",
  ECONNRESET: "the connection was cut",
  DEPTH_ZERO_SELF_SIGNED_CERT:
    "the server's certificate is self-signed: name its authority as ca_file",
  SELF_SIGNED_CERT_IN_CHAIN: "the server's authority is not known: name it as ca_file",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "the server's authority is not known: name it as ca_file",
  CERT_HAS_EXPIRED: "the server's certificate has expired",
  ERR_TLS_CERT_ALTNAME_INVALID: "the server's certificate is for another name",
};

function sentenceOf(code: string): string {
  return SENTENCES[code] ?? "the request failed";
}
