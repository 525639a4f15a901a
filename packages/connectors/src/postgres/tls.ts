/** Asks a PostgreSQL server for TLS on an open socket, and checks what it shows as libpq does. */
import { isIP, type Socket } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import type { PostgresConfig } from "@quern/contract/datasources";
import { TimeoutError, within } from "./deadline.ts";
import { DialError, messageOf, type OnStep } from "./dial-error.ts";

const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]);

/** The encrypted socket, or the plain one where `prefer` finds no TLS. Throws DialError. */
export async function encrypt(
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
      () =>
        fail("The TLS handshake timed out.", "The server or a proxy before it may be overloaded."),
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
      fail(
        `TLS could not start: ${messageOf(error)}.`,
        "Check that the root certificate is PEM text.",
      );
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
