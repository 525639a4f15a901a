/** `--test-connection`: every aspect by itself, each with the statement that mends it. */
import { type Aspect, UnreachableError } from "../collector.ts";
import type { AgentConfig } from "../config/agent-config.ts";
import { addressOf } from "./address.ts";
import { discoverDatabases } from "./databases.ts";
import { type Facts, readFacts } from "./facts.ts";
import { failureOf, quotedAccount } from "./failure.ts";
import { replicationRights } from "./grants.ts";
import { detectProvider, readSigns } from "./provider.ts";
import { openSession, type Session } from "./session.ts";
import { readStatementRows, TURN_ON } from "./statement-rows.ts";
import { codeOf } from "./unreachable.ts";

type Config = Pick<AgentConfig, "name" | "database" | "collection">;

/** Below these, sections are missing. */
const OLDEST = { mysql: 50_700, mariadb: 100_600 };

/** Never throws for what the server or the network does. */
export async function testConnection(
  { database, collection }: Config,
  grace_ms: number,
): Promise<{ ok: boolean; aspects: Aspect[] }> {
  const aspects: Aspect[] = [];
  let session: Session | null = null;
  try {
    const { statement_timeout_ms } = collection;
    session = await openSession(addressOf(database.url), {
      ...{ tls: database.tls, connect_timeout_ms: database.connect_timeout_ms },
      ...{ statement_timeout_ms, grace_ms },
    });
    const { host, port, socket, user } = session.address;
    aspects.push(ok("reachable", `${socket ?? `${host}:${port}`}, as ${user}`), tlsAspect(session));
    const facts = await readFacts(session);
    aspects.push(versionAspect(facts), await providerAspect(session, database.provider));
    aspects.push(...rightsAspects(facts), await statementsAspect(session, facts));
    aspects.push(locksAspect(facts));
    const found = await discoverDatabases(session, session.address, collection.databases);
    aspects.push(ok("databases", found.join(", ")));
  } catch (error) {
    aspects.push(failedAspect(aspects.length === 0 ? "reachable" : "reading", error));
  } finally {
    await session?.close();
  }
  return { ok: aspects.every(({ status }) => status !== "failed"), aspects };
}

function ok(aspect: string, detail: string): Aspect {
  return { aspect, status: "ok", detail, hint: null };
}

function warning(aspect: string, detail: string, hint: string): Aspect {
  return { aspect, status: "warning", detail, hint };
}

function failedAspect(aspect: string, error: unknown): Aspect {
  if (error instanceof UnreachableError) {
    return { aspect, status: "failed", detail: error.message, hint: null };
  }
  const { code, sqlstate, hint } = failureOf(error);
  return { aspect, status: "failed", detail: `${code} (${sqlstate ?? codeOf(error)})`, hint };
}

function tlsAspect({ tls, address }: Session): Aspect {
  if (tls !== null) return ok("tls", tls);
  if (address.socket !== null) return ok("tls", "not used on a Unix socket");
  return warning(
    "tls",
    "not encrypted",
    "Use sslmode=verify-full with sslrootcert, or at least sslmode=require, unless the network is trusted.",
  );
}

function versionAspect({ type, version, version_num }: Facts): Aspect {
  if (version_num >= OLDEST[type]) return ok("version", version);
  return warning(
    "version",
    version,
    "MySQL 5.7 and later and MariaDB 10.6 and later are supported: sections that need more will be missing.",
  );
}

async function providerAspect(
  session: Session,
  configured: Config["database"]["provider"],
): Promise<Aspect> {
  const found = detectProvider(await readSigns(session));
  const evidence = Object.entries(found.evidence).map(([sign, value]) => `${sign} ${value}`);
  const detail = `${found.provider}${evidence.length === 0 ? "" : ` (${evidence.join(", ")})`}`;
  return ok("provider", configured === "auto" ? detail : `${configured}, as configured; ${detail}`);
}

/** Rights of the account itself; those of its roles the server does not list. */
function rightsAspects({ type, version_num, account, rights }: Facts): Aspect[] {
  const quoted = quotedAccount(account);
  const { status, logs } = replicationRights({ type, version_num });
  const wanted: [right: string, without: string][] = [
    ["PROCESS", "sessions, transactions and locks of other accounts are hidden"],
    ["REFERENCES", "tables are hidden, but for those that the account has another right in"],
    ...[...new Set([status, logs])].map((right): [string, string] => [
      right.toUpperCase(),
      "replication or binary logs are hidden",
    ]),
  ];
  const missing = wanted.filter(([right]) => !rights.has(right));
  const aspects = missing.map(([right, without]) =>
    warning(
      right.toLowerCase(),
      `not granted: ${without}`,
      `grant ${right.toLowerCase()} on *.* to ${quoted};`,
    ),
  );
  const found = wanted.filter(([right]) => rights.has(right)).map(([right]) => right.toLowerCase());
  if (found.length > 0) aspects.unshift(ok("rights", found.join(", ")));
  if (rights.has("SUPER") || rights.has("SELECT")) {
    aspects.push(
      warning(
        "account",
        `${account} may read the rows of all tables`,
        "The agent needs far less: --print-grants writes down the account that it should have.",
      ),
    );
  }
  return aspects;
}

async function statementsAspect(session: Session, facts: Facts): Promise<Aspect> {
  if (!facts.performance_schema) {
    return warning("performance_schema", "off: no statistics of statements", TURN_ON);
  }
  try {
    const { entries } = await readStatementRows(session, facts);
    return ok("performance_schema", `${entries} statements`);
  } catch (error) {
    const { code, hint } = failureOf(error);
    if (code !== "no_permission") throw error;
    return warning("performance_schema", "may not be read", hint ?? "");
  }
}

function locksAspect(facts: Facts): Aspect {
  if (facts.performance_schema && facts.columns.has("performance_schema.metadata_locks")) {
    return ok("locks", "of rows; of the structure of tables where their instrument is on");
  }
  return warning(
    "locks",
    "of rows alone: who waits for a change of a table cannot be told",
    `${TURN_ON} Add performance-schema-instrument = 'wait/lock/metadata/sql/mdl=ON'.`,
  );
}
