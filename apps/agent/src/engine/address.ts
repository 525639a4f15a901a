/** What the addresses of all engines have in common. No message of an error holds a part of the URL: it has the password. */
import { AddressError } from "./address-error.ts";

export type UrlParts = {
  /** As written, without brackets; null where the URL names none. */
  host: string | null;
  port: number;
  /** Null where the URL names none. */
  database: string | null;
  user: string | null;
  password: string;
  /** Of the query; null for one that is missing or empty. */
  parameter(name: string): string | null;
};

/**
 * Reads `scheme://user:password@host:port/database`; `host`, `port`, `user` and `password` may be parameters, which then
 * count. `schemes[0]` is the one to be named in messages. Throws AddressError.
 */
export function readUrl(text: string, schemes: readonly string[], standardPort: number): UrlParts {
  const url = parsed(text, schemes);
  const parameter = (name: string) => url.searchParams.get(name) || null;
  const host = parameter("host") ?? decoded(url.hostname).replace(/^\[(.*)\]$/, "$1");
  if (host.includes(",")) {
    throw new AddressError(
      "DATABASE_URL names several hosts. Start one agent for each server, with one host in its URL.",
    );
  }
  return {
    host: host || null,
    port: portOf(parameter("port") ?? (url.port || String(standardPort))),
    database: decoded(url.pathname.replace(/^\//, "")) || null,
    user: parameter("user") ?? (decoded(url.username) || null),
    password: parameter("password") ?? decoded(url.password),
    parameter,
  };
}

function parsed(text: string, schemes: readonly string[]): URL {
  try {
    // A scheme that the URL standard does not know leaves the host as it is, a socket's folder included.
    const url = new URL(text);
    if (schemes.includes(url.protocol.slice(0, -1))) return url;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
  throw new AddressError(
    `DATABASE_URL must read ${schemes[0]}://user:password@host:port/database; characters such as @ / : # % in a password are written %40 %2F %3A %23 %25.`,
  );
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
    throw new AddressError(
      "DATABASE_URL has a % that starts no escape: write it %25 where it belongs to a name or password.",
    );
  }
}

function portOf(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port;
  throw new AddressError("The port in DATABASE_URL must be a number from 1 to 65535.");
}
