/** Whom this server may talk to on somebody's behalf: public addresses, and what the operator allows besides. */
import {
  type Address,
  inNetwork,
  kindOfAddress,
  type Network,
  parseAddress,
  parseNetwork,
} from "./addresses.ts";
import { OutboundError } from "./outbound-error.ts";

/** `QUERN_OUTBOUND_ALLOW`: networks and addresses, host names, and `*.` with a domain. */
export type OutboundAllow = { networks: Network[]; hosts: string[] };

const HOST =
  /^(\*\.)?([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/;

/** Of a setting that was checked; nothing when it is not set. */
export function outboundAllowOf(text = ""): OutboundAllow {
  const parsed = parseOutboundAllow(text);
  if ("wrong" in parsed) throw new Error(`QUERN_OUTBOUND_ALLOW has ${parsed.wrong}`);
  return parsed;
}

/** Entries with commas or blanks between them; the first that is none is returned as it stands. */
export function parseOutboundAllow(text: string): OutboundAllow | { wrong: string } {
  const allow: OutboundAllow = { networks: [], hosts: [] };
  for (const entry of text.split(/[\s,]+/).filter((each) => each !== "")) {
    const network = parseNetwork(entry.replace(/^\[|\]$/g, ""));
    const host = entry.toLowerCase().replace(/\.$/, "");
    if (network) allow.networks.push(network);
    else if (HOST.test(host) && !/^[\d.]+$/.test(host)) allow.hosts.push(host);
    else return { wrong: entry };
  }
  return allow;
}

/** The host name of a URL, as it is looked up and compared. */
export function hostOf(url: URL): string {
  return url.hostname
    .toLowerCase()
    .replace(/^\[|\]$/g, "")
    .replace(/\.$/, "");
}

function allowsHost(allow: OutboundAllow, host: string): boolean {
  return allow.hosts.some((entry) =>
    entry.startsWith("*.") ? host.endsWith(entry.slice(1)) : host === entry,
  );
}

/**
 * Throws `OutboundError` unless requests to this URL may be sent, as far as its text tells: http or https, nobody's password,
 * a port of the web or above 1023, no name of this machine or of a cloud's metadata, and no address that is refused.
 */
export function checkUrl(url: URL, allow: OutboundAllow): void {
  if (url.protocol !== "https:" && url.protocol !== "http:") {
    throw new OutboundError("invalid_url", "The address must begin with https:// or http://.");
  }
  if (url.username !== "" || url.password !== "") {
    throw new OutboundError("invalid_url", "The address must not contain a user or a password.");
  }
  const host = hostOf(url);
  if (host === "" || host.length > 253) {
    throw new OutboundError("invalid_url", "The address has no host name that can be looked up.");
  }
  const literal = parseAddress(host);
  if (literal) checkAddress(literal, host, allow);
  if (allowsHost(allow, host)) return;
  if (!literal && LOCAL_NAME.test(host)) {
    throw new OutboundError(
      "forbidden_address",
      `${host} is a name of this machine or its network. ${ASK}`,
    );
  }
  const port = Number(url.port);
  const listed = literal !== undefined && allow.networks.some((each) => inNetwork(literal, each));
  if (url.port !== "" && port < 1024 && port !== 80 && port !== 443 && !listed) {
    throw new OutboundError(
      "forbidden_address",
      `Port ${port} is not one of a web server: 80, 443 or above 1023. ${ASK}`,
    );
  }
}

const ASK = "An operator can allow it with QUERN_OUTBOUND_ALLOW.";
const LOCAL_NAME = /(^|\.)(localhost|localdomain|internal|metadata)$/;

/**
 * Throws `OutboundError` unless connections to `address` may be made. A public one may; another one when its network or `host`
 * is allowed. One of metadata only when it is allowed by itself, and one of nobody never.
 */
export function checkAddress(address: Address, host: string, allow: OutboundAllow): void {
  const kind = kindOfAddress(address);
  if (kind === "public") return;
  const networks = allow.networks.filter((network) => inNetwork(address, network));
  const itself = networks.some(({ family, prefix }) => prefix === (family === 4 ? 32 : 128));
  if (
    kind === "metadata"
      ? itself
      : ALLOWABLE.has(kind) && (networks.length > 0 || allowsHost(allow, host))
  ) {
    return;
  }
  throw new OutboundError(
    "forbidden_address",
    `${host} is ${WORDS[kind]}, which this server does not talk to.${ALLOWABLE.has(kind) ? ` ${ASK}` : ""}`,
  );
}

const ALLOWABLE = new Set(["private", "loopback", "link_local", "reserved"]);

const WORDS = {
  private: "an address of a private network",
  loopback: "an address of the server itself",
  link_local: "a link-local address",
  multicast: "a multicast address",
  metadata: "an address of a cloud's metadata",
  tunnel: "an address that hides another one",
  reserved: "a reserved address",
};
