/** Opens a socket to a server, encrypted as libpq's `sslmode` asks, one named step after the other. */
import { lookup } from "node:dns/promises";
import { connect as connectSocket, isIP, type Socket } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import type { PostgresConfig } from "@quern/contract/datasources";
import { ConnectorError } from "../errors.ts";

export type DialStep = "resolve" | "connect" | "tls";
/** Hears of each step when it is over; a failure is thrown by `dial` as well. */
export type OnStep = (step: DialStep, outcome: { message: string } | { skipped: string }) => void;

export class DialError extends ConnectorError {
  override name = "DialError";
  readonly step: DialStep;
  constructor(step: DialStep, message: string, hint: string) {
    super({ code: "datasource_unreachable", message, hint });
    this.step = step;
  }
}

const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]);

export async function dial(
  config: PostgresConfig,
  timeoutMs: number,
  onStep: OnStep = () => {},
): Promise<Socket> {
  const deadline = Date.now() + timeoutMs;
  if (config.host.startsWith("/")) {
    const path = `${config.host}/.s.PGSQL.${config.port}`;
    onStep("resolve", { skipped: "a Unix socket" });
    const socket = await openSocket({ path }, path, deadline);
    onStep("connect", { message: path });
    onStep("tls", { skipped: "not used on a Unix socket" });
    return socket;
  }
  const addresses = await resolve(config.host, deadline);
  onStep("resolve", { message: addresses.join(", ") });
  const { socket, address } = await connectAny(addresses, config, deadline);
  onStep("connect", { message: `${address} port ${config.port}` });
  if (config.sslmode === "disable") {
    onStep("tls", { skipped: "sslmode is disable: the connection is not encrypted" });
    return socket;
  }
  return await encrypt(socket, address, config, deadline, onStep);
}

async function resolve(host: string, deadline: number): Promise<string[]> {
  if (isIP(host) !== 0) return [host];
  try {
    const found = await within(lookup(host, { all: true }), deadline);
    return found.map(({ address }) => address);
  } catch (error) {
    const reason = error instanceof TimeoutError ? "no answer in time" : codeOf(error);
    throw new DialError(
      "resolve",
      `The name ${host} could not be resolved (${reason}).`,
      "Check the spelling of the host, and that the machine of the runner can resolve it.",
    );
  }
}

async function connectAny(addresses: string[], config: PostgresConfig, deadline: number) {
  let failure: unknown = null;
  for (const [index, address] of addresses.entries()) {
    // A dead address must leave time for the next one.
    const share = (deadline - Date.now()) / (addresses.length - index);
    try {
      const where = `${address} port ${config.port}`;
      const socket = await openSocket(
        { host: address, port: config.port },
        where,
        Date.now() + share,
      );
      return { socket, address };
    } catch (error) {
      if (!(error instanceof DialError)) throw error;
      failure ??= error;
    }
  }
  throw failure;
}

function openSocket(
  to: { path: string } | { host: string; port: number },
  where: string,
  deadline: number,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connectSocket({ ...to, noDelay: true, keepAlive: true });
    const timer = setTimeout(
      () => {
        socket.destroy();
        reject(
          new DialError(
            "connect",
            `Connecting to ${where} timed out.`,
            "A firewall may be dropping packets: check that the runner's machine may reach this host and port.",
          ),
        );
      },
      Math.max(deadline - Date.now(), 1),
    );
    socket.once("connect", () => {
      clearTimeout(timer);
      socket.removeAllListeners("error");
      resolve(socket);
    });
    socket.once("error", (error) => {
      clearTimeout(timer);
      reject(new DialError("connect", `Could not connect to ${where}: ${socketReason(error)}.`, socketHint(error)));
    });
  });
}

async function encrypt(
  socket: Socket,
  address: string,
  config: PostgresConfig,
  deadline: number,
  onStep: OnStep,
): Promise<Socket> {
  const answer = await askForTls(socket, deadline);
  if (answer !== "S") {
    if (config.sslmode === "prefer" && answer === "N") {
      onStep("tls", { skipped: "the server does not offer TLS: the connection is not encrypted" });
      return socket;
    }
    socket.destroy();
    throw new DialError(
      "tls",
      answer === "N"
        ? `The server refused TLS, and sslmode ${config.sslmode} requires it.`
        : "The server did not answer the request for TLS like a PostgreSQL server.",
      answer === "N"
        ? "Turn on ssl at the server, or choose sslmode prefer or disable if the network is trusted."
        : "Check that host and port belong to a PostgreSQL server.",
    );
  }
  const encrypted = await handshake(socket, address, config, deadline);
  onStep("tls", { message: `${encrypted.getProtocol() ?? "TLS"}, ${encrypted.getCipher().name}` });
  return encrypted;
}

function askForTls(socket: Socket, deadline: number): Promise<string> {
  const answer = new Promise<string>((resolve) => {
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
  return within(answer, deadline).catch((error) => {
    socket.destroy();
    if (!(error instanceof TimeoutError)) throw error;
    throw new DialError(
      "tls",
      "The server accepted the connection but did not answer.",
      "Check that host and port belong to a PostgreSQL server and that it is not overloaded.",
    );
  });
}

function handshake(
  socket: Socket,
  address: string,
  config: PostgresConfig,
  deadline: number,
): Promise<TLSSocket> {
  // As in libpq, a root certificate makes `require` check the chain.
  const checksChain =
    config.sslmode === "verify-ca" ||
    config.sslmode === "verify-full" ||
    (config.sslmode === "require" && config.ssl_root_cert !== undefined);
  return new Promise((resolve, reject) => {
    const fail = (message: string, hint: string) => {
      clearTimeout(timer);
      socket.destroy();
      reject(new DialError("tls", message, hint));
    };
    const timer = setTimeout(
      () => fail("The TLS handshake timed out.", "The server or a proxy before it may be overloaded."),
      Math.max(deadline - Date.now(), 1),
    );
    const options = {
      socket,
      host: config.host,
      rejectUnauthorized: checksChain,
      ...(config.ssl_root_cert === undefined ? {} : { ca: config.ssl_root_cert }),
      ...(isIP(config.host) === 0 ? { servername: config.host } : {}),
      ...(config.sslmode === "verify-full" ? {} : { checkServerIdentity: () => undefined }),
    };
    let encrypted: TLSSocket;
    try {
      encrypted = connectTls(options);
    } catch (error) {
      // A root certificate that is no PEM throws here.
      fail(`TLS could not start: ${messageOf(error)}.`, "Check that the root certificate is PEM text.");
      return;
    }
    encrypted.once("secureConnect", () => {
      clearTimeout(timer);
      encrypted.removeAllListeners("error");
      resolve(encrypted);
    });
    encrypted.once("error", (error) =>
      fail(
        `TLS with ${address} failed: ${messageOf(error)}.`,
        checksChain
          ? "Check the server's certificate: who signed it, which names it holds, and whether it has expired."
          : "Check which TLS versions the server speaks.",
      ),
    );
  });
}

class TimeoutError extends Error {
  override name = "TimeoutError";
}

/** The promise's value, or a TimeoutError when the deadline (as Date.now) comes first. */
export function within<T>(promise: Promise<T>, deadline: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new TimeoutError("timed out")),
      Math.max(deadline - Date.now(), 1),
    );
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

export function isTimeout(error: unknown): boolean {
  return error instanceof TimeoutError;
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : messageOf(error);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const REASONS: Record<string, { reason: string; hint: string }> = {
  ECONNREFUSED: {
    reason: "connection refused",
    hint: "Nothing listens there: check host and port, and listen_addresses of the server.",
  },
  ENOENT: {
    reason: "there is no such socket",
    hint: "Check the socket directory and the port; the server may be down.",
  },
  EACCES: {
    reason: "permission denied on the socket",
    hint: "The user of the runner may not open this socket directory.",
  },
  EHOSTUNREACH: { reason: "no route to the host", hint: "Check the network of the runner." },
  ENETUNREACH: { reason: "the network is unreachable", hint: "Check the network of the runner." },
};

function socketReason(error: Error): string {
  return REASONS[codeOf(error)]?.reason ?? messageOf(error);
}

function socketHint(error: Error): string {
  return REASONS[codeOf(error)]?.hint ?? "Check host and port.";
}
