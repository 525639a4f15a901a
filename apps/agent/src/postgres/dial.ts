/** Opens a socket to a server, encrypted as libpq's `sslmode` asks. */
import { connect as connectSocket, type Socket } from "node:net";
import { UnreachableError } from "../collector.ts";
import type { TlsConfig } from "../config/agent-config.ts";
import { within } from "../engine/deadline.ts";
import { encryptSocket } from "../engine/tls.ts";
import type { Address } from "./address.ts";
import { unreachable } from "./unreachable.ts";

const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]);

/** `tls` is what was agreed on, such as `TLSv1.3, TLS_AES_256_GCM_SHA384, not verified`; null without encryption. */
export type Dialled = { socket: Socket; tls: string | null };

/**
 * `encrypt`: never asks (`no`), takes what the server offers (`if_offered`), or insists (`yes`). Throws UnreachableError.
 */
export async function dial(
  address: Address,
  tls: TlsConfig,
  encrypt: "no" | "if_offered" | "yes",
  timeoutMs: number,
): Promise<Dialled> {
  const deadline = Date.now() + timeoutMs;
  const socket = await open(address, timeoutMs);
  if (encrypt === "no" || address.host.startsWith("/")) return { socket, tls: null };
  try {
    const answer = await within(askForTls(socket), deadline - Date.now(), () => socket.destroy());
    if (answer === "N" && encrypt === "if_offered") return { socket, tls: null };
    if (answer === "N") {
      throw new UnreachableError(
        `The server does not offer TLS, and sslmode ${tls.sslmode} requires it. Turn on ssl at the server, or use sslmode=prefer or disable where the network is trusted.`,
        "tls_refused",
      );
    }
    if (answer !== "S") {
      throw new UnreachableError(
        "What listens there did not answer the request for TLS like a PostgreSQL server. Check host and port.",
        "not_postgres",
      );
    }
    return await encryptSocket(socket, address.host, tls, deadline - Date.now());
  } catch (error) {
    socket.destroy();
    throw unreachable(error, address);
  }
}

function open(address: Address, timeoutMs: number): Promise<Socket> {
  const { host, port } = address;
  const socket = connectSocket({
    ...(host.startsWith("/") ? { path: `${host}/.s.PGSQL.${port}` } : { host, port }),
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: 10_000,
  });
  const connected = new Promise<Socket>((resolve, reject) => {
    socket.once("connect", () => {
      socket.removeListener("error", reject);
      resolve(socket);
    });
    socket.once("error", reject);
  });
  return within(connected, timeoutMs, () => socket.destroy()).catch((error) => {
    socket.destroy();
    throw unreachable(error, address);
  });
}

function askForTls(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    const give = (text: string) => {
      socket.removeListener("readable", read);
      socket.removeListener("close", closed);
      socket.removeListener("error", closed);
      resolve(text);
    };
    // One byte and no more: what a man in the middle puts behind it must not be taken for the server's.
    const read = () => {
      const byte: Buffer | null = socket.read(1);
      if (byte !== null) give(byte.toString("latin1"));
    };
    const closed = () => give("");
    socket.on("readable", read);
    socket.on("close", closed);
    socket.on("error", closed);
    socket.write(SSL_REQUEST);
  });
}
