/** Opens a socket to a server, encrypted as libpq's `sslmode` asks, one named step after the other. */
import { lookup } from "node:dns/promises";
import { connect as connectSocket, isIP, type Socket } from "node:net";
import type { PostgresConfig } from "@quern/contract/datasources";
import { TimeoutError, within } from "./deadline.ts";
import { codeOf, DialError, type OnStep, socketHint, socketReason } from "./dial-error.ts";
import { encrypt } from "./tls.ts";

/** Throws DialError, which names the step that failed. */
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

const READ_BYTES = 64 * 1024;

function openSocket(
  to: { path: string } | { host: string; port: number },
  where: string,
  deadline: number,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    // Otherwise a socket takes 64 KiB of fresh memory for each answer, however short, which is much of what a small statement
    // costs. Listeners get a copy of what came, theirs to keep. Not for TCP: TLS would read its socket by itself.
    const onread = {
      buffer: Buffer.allocUnsafeSlow(READ_BYTES),
      callback(length: number, bytes: Uint8Array): boolean {
        socket.emit("data", Buffer.from(bytes.subarray(0, length)));
        return true;
      },
    };
    const options = { ...to, noDelay: true, keepAlive: true };
    const socket: Socket =
      "path" in to ? connectSocket({ ...options, onread }) : connectSocket(options);
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
      reject(
        new DialError(
          "connect",
          `Could not connect to ${where}: ${socketReason(error)}.`,
          socketHint(error),
        ),
      );
    });
  });
}
