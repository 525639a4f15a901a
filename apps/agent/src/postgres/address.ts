/** Where the database is, from its URL. No message of an error holds a part of the URL: it has the password. */
import { userInfo } from "node:os";
import { AddressError } from "../engine/address-error.ts";

export type Address = {
  /** A name, an address, or the folder of a Unix socket. */
  host: string;
  port: number;
  database: string;
  user: string;
  password: string;
};

/** Reads `postgres://user:password@host:port/database`; `host`, `port`, `user`, `password` and `dbname` may be parameters. */
export function addressOf(text: string): Address {
  const url = parsed(text);
  const parameter = (name: string) => url.searchParams.get(name) || null;
  const host = parameter("host") ?? decoded(url.hostname).replace(/^\[(.*)\]$/, "$1");
  if (host.includes(",")) {
    throw new AddressError(
      "DATABASE_URL names several hosts. Start one agent for each server, with one host in its URL.",
    );
  }
  const user = parameter("user") ?? (decoded(url.username) || userInfo().username);
  return {
    host: host === "" ? "localhost" : host.startsWith("/") ? host : host.toLowerCase(),
    port: portOf(parameter("port") ?? (url.port || "5432")),
    database: parameter("dbname") ?? (decoded(url.pathname.replace(/^\//, "")) || user),
    user,
    password: parameter("password") ?? decoded(url.password),
  };
}

function parsed(text: string): URL {
  try {
    // A scheme that the URL standard does not know leaves the host as it is, a socket's folder included.
    const url = new URL(text);
    if (url.protocol === "postgres:" || url.protocol === "postgresql:") return url;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
  throw new AddressError(
    "DATABASE_URL must read postgres://user:password@host:port/database; characters such as @ / : # % in a password are written %40 %2F %3A %23 %25.",
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
