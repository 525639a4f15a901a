/** Why no connection came about, in our words: what the server or the library says may quote what it was given. */
import { UnreachableError } from "../collector.ts";
import type { Address } from "./address.ts";

const UNTRUSTED =
  "the server's certificate is signed by an authority that is not trusted. Give the authority's certificate as sslrootcert.";
const CUT = "the connection was cut by the other side. Look into the server's log.";
const FULL =
  "the server has no connection left for the agent. It waits longer and tries again; see max_connections, max_user_connections and who holds them.";

/** By the system's name, the library's, or the number of the server's error. */
const REASONS: Record<string, string> = {
  ECONNREFUSED:
    "refused: nothing listens there. Check host and port, bind_address and skip_networking of the server, and that it runs.",
  ENOENT: "there is no such socket. Check its path; the server may be down.",
  EACCES: "permission denied. The agent's user may not open the socket.",
  EHOSTUNREACH: "no route to the host. Check the network of the agent's machine.",
  ENETUNREACH: "the network is unreachable. Check the network of the agent's machine.",
  ENOTFOUND: "the host's name is not known. Check its spelling and this machine's name service.",
  EAI_AGAIN: "the name service does not answer. Check this machine's name service.",
  ETIMEDOUT:
    "no answer in time. A firewall may be dropping packets, or the server or a proxy before it hangs.",
  ECONNRESET: CUT,
  EPIPE: CUT,
  PROTOCOL_CONNECTION_LOST: CUT,
  HANDSHAKE_NO_SSL_SUPPORT:
    "the server does not offer TLS, and sslmode requires it. Turn it on at the server (ssl_cert, ssl_key), or use sslmode=prefer or disable where the network is trusted.",
  HANDSHAKE_UNKNOWN_ERROR: "what listens there does not answer like MySQL. Check host and port.",
  DEPTH_ZERO_SELF_SIGNED_CERT:
    "the server's certificate is signed by itself. Give it as sslrootcert, or use sslmode=require to encrypt without verifying.",
  SELF_SIGNED_CERT_IN_CHAIN: UNTRUSTED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNTRUSTED,
  CERT_HAS_EXPIRED: "the server's certificate has expired. Renew it at the server.",
  ERR_TLS_CERT_ALTNAME_INVALID:
    "the server's certificate is for another name. Use the name that it holds in the URL, or sslmode=verify-ca.",
  ERR_OSSL_PEM_NO_START_LINE: "a certificate or key file is not in PEM form.",
  "1040": FULL,
  "1203": FULL,
  "1226": FULL,
  "1044":
    "the account may not use this database. Check its name; --print-grants has what is needed.",
  "1045":
    "the password is wrong, or there is no such account for this machine (an account is a user and a host; it may also require TLS).",
  "1049": "the database does not exist. Check its name in the URL.",
  "1053": "the server is shutting down.",
  "1129":
    "the server has blocked this machine after too many failed connections: flush hosts at the server.",
  "1130": "this machine may not connect: the server has no account for its address.",
  "1251": "the account signs in by a method that is too old.",
  "1698": "the account signs in by the operating system's user, not by a password.",
  "3118": "the account is locked.",
  "3159": "the server takes encrypted connections alone: use sslmode=require or better.",
  "4151": "the account is locked.",
  no_database:
    "the account sees no database of that name. Check its name in the URL; without a right on any of its tables it stays hidden, see --print-grants.",
};

/** `error` as an UnreachableError with what to do; what is one already stays. */
export function unreachable(error: unknown, { host, port, socket }: Address): UnreachableError {
  if (error instanceof UnreachableError) return error;
  const code = codeOf(error);
  const reason = REASONS[code] ?? `failed (${code}).`;
  return new UnreachableError(`MySQL at ${socket ?? `${host}:${port}`}: ${reason}`, code);
}

/** The number of the server's error as text, the system's or the library's name; of several addresses the first one's. */
export function codeOf(error: unknown): string {
  if (error instanceof UnreachableError) return error.code;
  if (error instanceof AggregateError && error.errors.length > 0) return codeOf(error.errors[0]);
  if (!(error instanceof Error)) return "unknown";
  if ("errno" in error && typeof error.errno === "number" && error.errno >= 1_000) {
    return String(error.errno);
  }
  return "code" in error && typeof error.code === "string" ? error.code : "unknown";
}

/** The server was shut down, the session killed or ended for idleness, or the line cut. */
const ENDS = /^(E[A-Z]+|PROTOCOL_\w+|1053|1152|1153|1158|1159|1160|1161|1927|3169|4031)$/;

/** Whether the error ends the session rather than one statement. */
export function endsSession(error: unknown): boolean {
  const fatal = error instanceof Error && "fatal" in error && error.fatal === true;
  return fatal || ENDS.test(codeOf(error));
}
