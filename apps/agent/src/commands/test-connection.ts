import { VERSION } from "@quern/runtime/version";
import type { Aspect, Collector } from "../collector.ts";
import type { UploadConfig } from "../config/agent-config.ts";
import { siblingOf } from "../config/endpoint.ts";
import { readAuthority } from "../upload/authority.ts";
import { exchange } from "../upload/exchange.ts";
import { ExchangeError } from "../upload/exchange-error.ts";

const TIMEOUT_MS = 10_000;

/** Asks the database and the server that receives payloads; the report, and whether the agent can do its work. */
export async function testConnections(
  collector: Collector,
  upload: UploadConfig | null,
): Promise<{ ok: boolean; report: string }> {
  const database = await collector.testConnection();
  const server = upload === null ? NOT_CONFIGURED : await testServer(upload);
  const ok = database.ok && server.status !== "failed";
  return { ok, report: table([...database.aspects, server]) };
}

const NOT_CONFIGURED: Aspect = {
  aspect: "Quern",
  status: "warning",
  detail: "not asked: no endpoint, key and secret",
  hint: "Set DATAPACE_ENDPOINT, DATAPACE_API_KEY and DATAPACE_SIGNING_SECRET.",
};

async function testServer(upload: UploadConfig): Promise<Aspect> {
  const url = siblingOf(upload.endpoint, "health");
  const failed = (detail: string, hint: string | null): Aspect => ({
    aspect: "Quern",
    status: "failed",
    detail,
    hint,
  });
  try {
    const { status } = await exchange("GET", url, {
      headers: { authorization: `Bearer ${upload.api_key}`, "x-agent-version": VERSION },
      timeout_ms: Math.min(upload.timeout_ms, TIMEOUT_MS),
      ca: readAuthority(upload),
      proxy: upload.proxy,
    });
    if (status >= 200 && status < 300) {
      return { aspect: "Quern", status: "ok", detail: `answers at ${url}`, hint: null };
    }
    if (status === 401 || status === 403) {
      return failed(
        `${url} does not know the key (${status})`,
        "Copy the key anew from the agent's page.",
      );
    }
    return failed(`${url} answers ${status}`, "The endpoint is https://YOUR-QUERN/api/v1/ingest.");
  } catch (error) {
    if (!(error instanceof ExchangeError)) throw error;
    return failed(`${url}: ${error.message}`, null);
  }
}

const MARKS = { ok: "ok", warning: "warn", failed: "FAIL" } as const;

/** One line for each aspect, what to do below it. */
export function table(aspects: Aspect[]): string {
  const width = Math.max(...aspects.map(({ aspect }) => aspect.length));
  return aspects
    .map(({ aspect, status, detail, hint }) => {
      const line = `${MARKS[status].padEnd(4)}  ${aspect.padEnd(width)}  ${detail}`;
      const indent = " ".repeat(width + 8);
      return hint === null ? line : `${line}\n${indent}→ ${hint.replaceAll("\n", `\n${indent}  `)}`;
    })
    .map((line) => `${line}\n`)
    .join("");
}
