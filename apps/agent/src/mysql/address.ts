import { readUrl } from "../engine/address.ts";
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

/** Of `mysql://user:password@host:port/database`; `socket` may be a parameter, too. Throws AddressError. */
export function addressOf(text: string): Address {
  const { host, user, parameter, ...rest } = readUrl(text, ["mysql", "mariadb"], 3306);
  if (user === null)
    throw new AddressError("DATABASE_URL names no user: mysql://USER:PASSWORD@HOST");
  return { ...rest, host: (host ?? "localhost").toLowerCase(), socket: parameter("socket"), user };
}
