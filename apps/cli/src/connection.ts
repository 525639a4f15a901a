import { readFileSync } from "node:fs";
import { type Client, createClient, ProblemError, UnreachableError } from "@quern/contract/client";
import { CliError, EXIT, type Exit, systemCode } from "./faults.ts";
import { type Fetch, openFetch } from "./http.ts";
import type { CliSettings } from "./settings.ts";

/** A client of the Quern that the settings name, and its fetch with the token on every request. Throws `CliError`. */
export function connect(settings: CliSettings): { client: Client; fetch: Fetch } {
  const { QUERN_URL, QUERN_TOKEN, QUERN_CA_FILE } = settings;
  if (QUERN_TOKEN === undefined) {
    const words = `No access token: make one at ${page(QUERN_URL, "tokens")} and put it in QUERN_TOKEN, or name its file in QUERN_TOKEN_FILE.`;
    throw new CliError(words, EXIT.unreachable);
  }
  const plain = openFetch({ ca: QUERN_CA_FILE === undefined ? null : readCa(QUERN_CA_FILE) });
  const fetch: Fetch = (input, init = {}) => {
    const headers = new Headers(init.headers);
    headers.set("authorization", `Bearer ${QUERN_TOKEN}`);
    headers.set("user-agent", "quern-cli");
    return plain(input, { ...init, headers });
  };
  return { client: createClient(QUERN_URL.replace(/\/+$/, ""), undefined, fetch), fetch };
}

/** A page of the web app, for a link. */
export function page(url: string, path: string): string {
  return `${url.replace(/\/+$/, "")}/${path}`;
}

function readCa(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new CliError(
      `QUERN_CA_FILE names ${file}, which cannot be read: ${systemCode(error)}`,
      EXIT.usage,
    );
  }
}

/** What to say of an error that ends a command, and how it ends; null for one that nobody foresaw. */
export function inWords(error: unknown, url: string): { words: string; exit: Exit } | null {
  if (error instanceof CliError) return { words: error.message, exit: error.exit };
  if (error instanceof UnreachableError) {
    return { words: `${url} cannot be reached: ${reasonOf(error.cause)}`, exit: EXIT.unreachable };
  }
  if (error instanceof ProblemError) return ofProblem(error, url);
  return null;
}

function ofProblem({ problem }: ProblemError, url: string): { words: string; exit: Exit } {
  if (problem.status === 401) {
    const words = `The access token is not valid there (any more): make one at ${page(url, "tokens")} and put it in QUERN_TOKEN.`;
    return { words, exit: EXIT.unreachable };
  }
  const fields = (problem.errors ?? []).map(({ path, message }) => `\n  ${path}: ${message}`);
  const reference =
    problem.status >= 500 && problem.request_id !== "" ? ` (request ${problem.request_id})` : "";
  const exit = problem.status >= 500 ? EXIT.unreachable : EXIT.failed;
  return { words: `${problem.detail}${reference}${fields.join("")}`, exit };
}

const REASONS: Record<string, string> = {
  ECONNREFUSED: "nothing listens there",
  ENOTFOUND: "there is no such host",
  EAI_AGAIN: "the host's name cannot be looked up now",
  ECONNRESET: "the connection was cut",
  ETIMEDOUT: "no answer came",
  EHOSTUNREACH: "there is no way to that host",
  DEPTH_ZERO_SELF_SIGNED_CERT: "its certificate is self-signed; name it in QUERN_CA_FILE",
  SELF_SIGNED_CERT_IN_CHAIN: "its CA is not known here; name its certificate in QUERN_CA_FILE",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    "its CA is not known here; name its certificate in QUERN_CA_FILE",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    "its CA is not known here; name its certificate in QUERN_CA_FILE",
  CERT_HAS_EXPIRED: "its certificate has expired",
  ERR_TLS_CERT_ALTNAME_INVALID: "its certificate is for another host",
};

function reasonOf(cause: unknown): string {
  const code = systemCode(cause);
  if (code !== undefined && REASONS[code] !== undefined) return REASONS[code];
  return cause instanceof Error && cause.message !== ""
    ? cause.message
    : (code ?? "no answer came");
}
