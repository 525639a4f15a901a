/** One request on a connection of its own, to an address that was checked, and the head of its reply. */
import http, { type IncomingMessage } from "node:http";
import https from "node:https";
import { isIP, type LookupFunction } from "node:net";
import { rootCertificates } from "node:tls";
import { inNetwork, parseAddress, parseNetwork } from "./addresses.ts";
import { OutboundError } from "./outbound-error.ts";
import { hostOf } from "./outbound-rules.ts";

type Exchange = {
  url: URL;
  addresses: readonly string[];
  method?: string;
  headers: Record<string, string>;
  body?: string | Uint8Array;
  signal: AbortSignal;
  ca?: string | undefined;
};

/** Of all headers of a reply together. */
const MAX_HEADER_BYTES = 16 * 1024;

/** Throws `OutboundError`, or whatever when the signal aborts. */
export function exchange({ url, addresses, ...request }: Exchange): Promise<IncomingMessage> {
  const secure = url.protocol === "https:";
  const host = hostOf(url);
  return new Promise((resolve, reject) => {
    const sent = (secure ? https : http).request({
      host,
      port: url.port === "" ? (secure ? 443 : 80) : Number(url.port),
      path: `${url.pathname}${url.search}`,
      method: request.method ?? "GET",
      headers: { "accept-encoding": "identity", ...request.headers, host: url.host },
      // A connection of its own, so that none that was made under other rules is used.
      agent: false,
      lookup: lookupOf(addresses),
      maxHeaderSize: MAX_HEADER_BYTES,
      signal: request.signal,
      // Whatever NODE_TLS_REJECT_UNAUTHORIZED says.
      rejectUnauthorized: true,
      minVersion: "TLSv1.2",
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ...(request.ca === undefined ? {} : { ca: [...rootCertificates, request.ca] }),
    });
    let connected = false;
    let encrypted = false;
    sent.once("socket", (socket) => {
      socket.once("connect", () => {
        connected = true;
        if (!isOneOf(socket.remoteAddress, addresses)) {
          sent.destroy(new OutboundError("forbidden_address", "It led to another address."));
        }
      });
      socket.once("secureConnect", () => {
        encrypted = true;
      });
    });
    sent.once("response", resolve);
    sent.once("upgrade", (_reply, socket) => {
      socket.destroy();
      reject(new OutboundError("invalid_reply", "It answered with another protocol than HTTP."));
    });
    sent.on("error", (error) =>
      reject(asOutboundError(error, host, connected && secure && !encrypted)),
    );
    sent.end(request.body);
  });
}

/** Gives the addresses that were checked, whatever the name resolves to by now. */
function lookupOf(addresses: readonly string[]): LookupFunction {
  const all = addresses.map((address) => ({ address, family: isIP(address) }));
  return (_host, options, callback) => {
    if (options.all) callback(null, all);
    else callback(null, all[0]!.address, all[0]!.family);
  };
}

function isOneOf(text: string | undefined, addresses: readonly string[]): boolean {
  const address = parseAddress(text ?? "");
  return addresses.some((each) => {
    const network = parseNetwork(each);
    return address !== undefined && network !== undefined && inNetwork(address, network);
  });
}

function asOutboundError(error: Error, host: string, shakingHands: boolean): OutboundError {
  if (error instanceof OutboundError) return error;
  const code = (error as NodeJS.ErrnoException).code ?? "";
  const options = { cause: error };
  if (code === "HPE_HEADER_OVERFLOW") {
    return new OutboundError(
      "reply_too_large",
      `The headers of the reply have more than ${MAX_HEADER_BYTES} bytes.`,
      options,
    );
  }
  if (code.startsWith("HPE_")) {
    return new OutboundError("invalid_reply", `${host} does not answer in HTTP.`, options);
  }
  if (shakingHands) {
    return new OutboundError(
      "tls_failed",
      `The certificate or the encryption of ${host} is not accepted${code === "" ? "" : ` (${code})`}.`,
      options,
    );
  }
  const words = FAILURES[code] ?? "could not be connected to";
  return new OutboundError("connection_failed", `${host} ${words}.`, options);
}

const FAILURES: Record<string, string> = {
  ECONNREFUSED: "refused the connection",
  ECONNRESET: "ended the connection without an answer",
  EPIPE: "ended the connection without an answer",
  ETIMEDOUT: "did not accept the connection in time",
  EHOSTUNREACH: "cannot be reached from here",
  ENETUNREACH: "cannot be reached from here",
};
