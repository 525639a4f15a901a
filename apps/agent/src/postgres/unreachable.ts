/** Why no connection came about, in our words: what the server or the library says may quote what it was given. */
import { UnreachableError } from "../collector.ts";
import type { Address } from "./address.ts";

const REASONS: Record<string, string> = {
  ECONNREFUSED:
    "refused: nothing listens there. Check host and port, listen_addresses of the server, and that it runs.",
  ENOENT: "there is no such socket. Check its folder and the port; the server may be down.",
  EACCES: "permission denied. The agent's user may not open the socket's folder.",
  EHOSTUNREACH: "no route to the host. Check the network of the agent's machine.",
  ENETUNREACH: "the network is unreachable. Check the network of the agent's machine.",
  ENOTFOUND: "the host's name is not known. Check its spelling and this machine's name service.",
  EAI_AGAIN: "the name service does not answer. Check this machine's name service.",
  ETIMEDOUT:
    "no answer in time. A firewall may be dropping packets, or the server or a proxy before it hangs.",
  ECONNRESET: "the connection was cut by the other side. Look into the server's log.",
  EPIPE: "the connection was cut by the other side. Look into the server's log.",
  // TLS, as Node names them.
  DEPTH_ZERO_SELF_SIGNED_CERT:
    "the server's certificate is signed by itself. Give it as sslrootcert, or use sslmode=require to encrypt without verifying.",
  SELF_SIGNED_CERT_IN_CHAIN:
    "the server's certificate is signed by an authority that is not trusted. Give the authority's certificate as sslrootcert.",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    "the server's certificate is signed by an authority that is not trusted. Give the authority's certificate as sslrootcert.",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    "the server's certificate is signed by an authority that is not trusted. Give the authority's certificate as sslrootcert.",
  CERT_HAS_EXPIRED: "the server's certificate has expired. Renew it at the server.",
  CERT_NOT_YET_VALID:
    "the server's certificate is not valid yet. Check the clocks of both machines.",
  ERR_TLS_CERT_ALTNAME_INVALID:
    "the server's certificate is for another name. Use the name that it holds in the URL, or sslmode=verify-ca.",
  ERR_OSSL_PEM_NO_START_LINE: "a certificate or key file is not in PEM form.",
  // SQLSTATE of sign-in and of a server that is going or coming.
  "28P01": "the password is wrong, or the role does not exist.",
  "28000": "the server's pg_hba.conf has no entry for this role, database, host and encryption.",
  "3D000": "the database does not exist. Check its name in the URL.",
  "42501": "the role may not connect to this database: grant connect on database … to the role.",
  "53300":
    "the server has no connection left. The agent waits longer and tries again; see max_connections and who holds them.",
  "57P01": "the server was shut down by its administrator, or ended the session.",
  "57P02": "another backend crashed and the server is recovering.",
  "57P03": "the server is starting up, shutting down or in recovery. The agent tries again.",
  "57P04": "the database was dropped.",
  "57P05": "the server ended the session because it was idle.",
  "08P01":
    "what listens there does not take part in PostgreSQL's protocol as the server does: a proxy?",
};

/** `error` as an UnreachableError with what to do; what is one already stays. */
export function unreachable(error: unknown, { host, port }: Address): UnreachableError {
  if (error instanceof UnreachableError) return error;
  const code = codeOf(error);
  const where = host.startsWith("/") ? `${host}, port ${port}` : `${host}:${port}`;
  const reason = REASONS[code] ?? `failed (${code}).`;
  return new UnreachableError(`PostgreSQL at ${where}: ${reason}`, code);
}

/** The SQLSTATE or the system's name of an error; of several addresses tried, the first one's. */
export function codeOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return codeOf(error.errors[0]);
  if (error instanceof Error && "code" in error && typeof error.code === "string")
    return error.code;
  if (error instanceof Error && error.message.startsWith("Connection terminated"))
    return "ECONNRESET";
  return "unknown";
}

/** Whether the error ends the session rather than one statement. */
export function endsSession(error: unknown): boolean {
  const code = codeOf(error);
  return /^(E[A-Z]+|57P0[1-5]|08\w\w\w|session_lost)$/.test(code);
}
