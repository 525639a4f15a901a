import { BlockList, isIP } from "node:net";
import { ConfigError } from "./config-error.ts";

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet("127.0.0.0", 8, "ipv4");
LOOPBACK.addAddress("::1", "ipv6");

/** Where payloads go. Throws `ConfigError` unless it is https, or http to this machine alone. */
export function endpointOf(text: string, name: string): string {
  const url = parseUrl(text, name);
  if (url.username !== "" || url.password !== "") {
    throw new ConfigError(
      `${name}: must not hold a password; the API key has a setting of its own`,
    );
  }
  if (url.protocol === "https:") return url.href;
  if (url.protocol !== "http:") throw new ConfigError(`${name}: must begin with https://`);
  if (!isLoopback(url.hostname)) {
    throw new ConfigError(
      `${name}: begins with http://, which would send statistics and key in clear text. ` +
        "Use https://; http:// is taken for this machine alone (127.0.0.1, ::1, localhost).",
    );
  }
  return url.href;
}

/** `http://USER:PASSWORD@HOST:PORT`; TLS to the endpoint goes through it whole. Throws `ConfigError`. */
export function proxyOf(text: string, name: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url?.protocol === "http:") return url.href;
  throw new ConfigError(`${name}: must be a URL like http://proxy.example.com:3128`);
}

function isLoopback(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, "");
  const version = isIP(host);
  if (version === 0) return host === "localhost" || host.endsWith(".localhost");
  return LOOPBACK.check(host, version === 6 ? "ipv6" : "ipv4");
}

function parseUrl(text: string, name: string): URL {
  try {
    return new URL(text);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new ConfigError(`${name}: must be a URL like https://quern.example.com/api/v1/ingest`);
  }
}

/** The route beside the ingest: …/ingest becomes …/health or …/heartbeat. */
export function siblingOf(endpoint: string, route: "health" | "heartbeat"): string {
  const url = new URL(endpoint);
  url.pathname = `${url.pathname.replace(/\/+$/, "").replace(/\/ingest$/, "")}/${route}`;
  url.search = "";
  return url.href;
}
