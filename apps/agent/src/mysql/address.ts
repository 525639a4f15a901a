/** Where the server is, from its URL. No message of an error holds a part of the URL: it has the password. */
import { AddressError } from "../engine/address-error.ts";

export type Address = {
  host: string;
  port: number;
  /** Path of a Unix socket, which then stands for host and port. */
  socket: string | null;
  /** The one to be monitored; null where the URL names none: then all are. */
  database: string | null;
  user: string;
  password: string;
};

/** Reads `mysql://user:password@host:port/database`; `socket`, `host`, `port`, `user`, `password` may be parameters. */
export function addressOf(text: string): Address {
  const url = parsed(text);
  const parameter = (name: string) => url.searchParams.get(name) || null;
  const host = parameter("host") ?? decoded(url.hostname).replace(/^\[(.*)\]$/, "$1");
  if (host.includes(",")) {
    throw new AddressError(
      "DATABASE_URL names several hosts. Start one agent for each server, with one host in its URL.",
    );
  }
  const user = parameter("user") ?? decoded(url.username);
  if (user === "") throw new AddressError("DATABASE_URL names no user: mysql://USER:PASSWORD@HOST");
  return {
    host: host === "" ? "localhost" : host.toLowerCase(),
    port: portOf(parameter("port") ?? (url.port || "3306")),
    socket: parameter("socket"),
    database: decoded(url.pathname.replace(/^\//, "")) || null,
    user,
    password: parameter("password") ?? decoded(url.password),
  };
}

function parsed(text: string): URL {
  try {
    const url = new URL(text);
    if (url.protocol === "mysql:" || url.protocol === "mariadb:") return url;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
  throw new AddressError(
    "DATABASE_URL must read mysql://user:password@host:port/database; characters such as @ / : # % in a password are written %40 %2F %3A %23 %25.",
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
