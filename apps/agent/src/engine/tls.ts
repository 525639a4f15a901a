/** Encrypts a connection as libpq's `sslmode` asks, whatever the engine. */
import { readFile } from "node:fs/promises";
import { isIP, type Socket } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { UnreachableError } from "../collector.ts";
import type { TlsConfig } from "../config/agent-config.ts";
import { within } from "./deadline.ts";

/** `tls` is what was agreed on, such as `TLSv1.3, TLS_AES_256_GCM_SHA384, certificate not verified`. */
export type Encrypted = { socket: TLSSocket; tls: string };

/** Throws what the handshake does, DeadlineError, or UnreachableError for a file that cannot be read. */
export async function encryptSocket(
  socket: Socket,
  host: string,
  tls: TlsConfig,
  timeoutMs: number,
): Promise<Encrypted> {
  const roots = tls.sslrootcert === "system" ? null : tls.sslrootcert;
  const verifies = tls.sslmode.startsWith("verify-");
  // As in libpq, a root certificate makes `require` check the chain.
  const checksChain = verifies || (tls.sslmode === "require" && tls.sslrootcert !== null);
  const encrypted: TLSSocket = connectTls({
    socket,
    host,
    rejectUnauthorized: checksChain,
    ...(roots === null || !checksChain ? {} : { ca: await pem(roots, "sslrootcert") }),
    ...(tls.sslcert === null ? {} : { cert: await pem(tls.sslcert, "sslcert") }),
    ...(tls.sslkey === null ? {} : { key: await pem(tls.sslkey, "sslkey") }),
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...(tls.sslmode === "verify-full" ? {} : { checkServerIdentity: () => undefined }),
  });
  const secured = new Promise<void>((resolve, reject) => {
    encrypted.once("secureConnect", () => {
      encrypted.removeListener("error", reject);
      resolve();
    });
    encrypted.once("error", reject);
    encrypted.once("close", () => reject(closedInHandshake()));
  });
  await within(secured, timeoutMs, () => encrypted.destroy());
  const proof =
    tls.sslmode === "verify-full"
      ? "certificate and name verified"
      : checksChain
        ? "certificate verified"
        : "certificate not verified";
  return {
    socket: encrypted,
    tls: `${encrypted.getProtocol() ?? "TLS"}, ${encrypted.getCipher().name}, ${proof}`,
  };
}

function closedInHandshake(): Error {
  return Object.assign(new Error("closed during the handshake"), { code: "ECONNRESET" });
}

/** The bytes of a PEM file that `parameter` names. Throws UnreachableError. */
async function pem(path: string, parameter: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new UnreachableError(
      `The file of ${parameter} cannot be read. Check its path and that this user may read it.`,
      error instanceof Error && "code" in error ? String(error.code) : "unreadable",
    );
  }
}
