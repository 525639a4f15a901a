import { userInfo } from "node:os";
import { readUrl } from "../engine/address.ts";

export type Address = {
  /** A name, an address, or the folder of a Unix socket. */
  host: string;
  port: number;
  database: string;
  user: string;
  password: string;
};

/** Of `postgres://user:password@host:port/database`; `dbname` may be a parameter, too. Throws AddressError. */
export function addressOf(text: string): Address {
  const url = readUrl(text, ["postgres", "postgresql"], 5432);
  const { host, port, password } = url;
  const user = url.user ?? userInfo().username;
  return {
    host: host === null ? "localhost" : host.startsWith("/") ? host : host.toLowerCase(),
    port,
    database: url.parameter("dbname") ?? url.database ?? user,
    user,
    password,
  };
}
