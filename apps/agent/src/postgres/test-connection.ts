/** `--test-connection`: every aspect by itself, each with the statement that mends it. */
import type { Aspect } from "../collector.ts";
import { UnreachableError } from "../collector.ts";
import type { AgentConfig } from "../config/agent-config.ts";
import { addressOf } from "./address.ts";
import { discoverDatabases } from "./databases.ts";
import { type Facts, readFacts } from "./facts.ts";
import { failureOf } from "./failure.ts";
import { detectProvider, readSigns } from "./provider.ts";
import { quoted } from "./select-list.ts";
import { openSession, type Session } from "./session.ts";
import { readStatementRows } from "./statement-rows.ts";
import { codeOf } from "./unreachable.ts";

type Config = Pick<AgentConfig, "name" | "database" | "collection">;
type Report = { ok: boolean; aspects: Aspect[] };

const OLDEST = 13;
const NEWEST = 18;

/** Never throws for what the server or the network does. */
export async function testConnection(
  { database, collection }: Config,
  effects: { search_path: string; grace_ms: number },
): Promise<Report> {
  const aspects: Aspect[] = [];
  let session: Session | null = null;
  try {
    session = await openSession(addressOf(database.url), {
      tls: database.tls,
      connect_timeout_ms: database.connect_timeout_ms,
      statement_timeout_ms: collection.statement_timeout_ms,
      ...effects,
    });
    const { host, port, user } = session.address;
    aspects.push(ok("reachable", `${host}:${port}, as ${user}`), tlsAspect(session));
    const facts = await readFacts(session);
    for (const look of LOOKS) aspects.push(await look(session, facts, database, collection));
  } catch (error) {
    aspects.push(failedAspect(aspects.length === 0 ? "reachable" : "reading", error));
  } finally {
    await session?.close();
  }
  return { ok: aspects.every(({ status }) => status !== "failed"), aspects };
}

type Look = (
  session: Session,
  facts: Facts,
  database: Config["database"],
  collection: Config["collection"],
) => Aspect | Promise<Aspect>;

const LOOKS: Look[] = [
  versionAspect,
  providerAspect,
  roleAspect,
  monitorAspect,
  statementsAspect,
  helperAspect,
  timingAspect,
  databasesAspect,
];

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
  if (address.host.startsWith("/")) return ok("tls", "not used on a Unix socket");
  return warning(
    "tls",
    "not encrypted",
    "Use sslmode=verify-full with sslrootcert, or at least sslmode=require, unless the network is trusted.",
  );
}

function versionAspect(_: Session, { version, version_num, in_recovery }: Facts): Aspect {
  const major = Math.floor(version_num / 10_000);
  const detail = `${version.split(" ").slice(0, 2).join(" ")}${in_recovery ? ", a standby" : ""}`;
  if (major < OLDEST) {
    return warning(
      "version",
      detail,
      `PostgreSQL ${OLDEST} to ${NEWEST} are supported: sections that need more will be missing.`,
    );
  }
  if (major <= NEWEST) return ok("version", detail);
  return warning(
    "version",
    detail,
    "This version is newer than the agent: what it can read is sent. Look for a newer agent.",
  );
}

async function providerAspect(
  session: Session,
  facts: Facts,
  { provider }: Config["database"],
): Promise<Aspect> {
  const found = detectProvider(await readSigns(session, facts));
  const evidence = Object.entries(found.evidence).map(([sign, value]) => `${sign} ${value}`);
  const detail = `${found.provider}${evidence.length === 0 ? "" : ` (${evidence.join(", ")})`}`;
  return ok("provider", provider === "auto" ? detail : `${provider}, as configured; ${detail}`);
}

function roleAspect(_: Session, { role, superuser }: Facts): Aspect {
  if (!superuser) return ok("role", role);
  return warning(
    "role",
    `${role} is a superuser`,
    "The agent needs far less: --print-grants writes down the role that it should have.",
  );
}

function monitorAspect(_: Session, { role, pg_monitor, superuser }: Facts): Aspect {
  if (pg_monitor || superuser) return ok("pg_monitor", "granted");
  return warning(
    "pg_monitor",
    "not granted: statements, sessions and settings of others are hidden",
    `grant pg_monitor to ${quoted(role)};`,
  );
}

/** Missing, created but not loaded, or there but hidden: three states, three remedies. */
async function statementsAspect(session: Session, facts: Facts): Promise<Aspect> {
  try {
    const { entries, hidden } = await readStatementRows(session, facts);
    const extension = facts.extensions.get("pg_stat_statements");
    const detail = `${extension?.version} in ${extension?.schema}, ${entries} statements`;
    if (hidden > 0) {
      return warning(
        "pg_stat_statements",
        `${detail}, ${hidden} of them hidden`,
        `grant pg_read_all_stats to ${quoted(facts.role)};`,
      );
    }
    if (extension?.default_version && extension.default_version !== extension.version) {
      return warning(
        "pg_stat_statements",
        detail,
        `alter extension pg_stat_statements update; -- to ${extension.default_version}`,
      );
    }
    return ok("pg_stat_statements", detail);
  } catch (error) {
    const { code, hint } = failureOf(error);
    if (code !== "extension_missing" && code !== "not_preloaded") throw error;
    const said = code === "extension_missing" ? "not created in this database" : "not loaded";
    return warning("pg_stat_statements", said, hint ?? "");
  }
}

function helperAspect(_: Session, { helper }: Facts): Aspect {
  if (helper) return ok("helper", "may be called: estimates of bloat, states of sequences");
  return warning(
    "helper",
    "not there: no estimates of bloat, and sequences without their last values",
    "quern-agent --print-helper-sql | psql …; -- as a superuser, in each monitored database",
  );
}

async function timingAspect(session: Session): Promise<Aspect> {
  const [row] = await session.query("select current_setting('track_io_timing') as track_io_timing");
  if (row?.track_io_timing === "on") return ok("track_io_timing", "on");
  return warning(
    "track_io_timing",
    "off: times of reading and writing are unknown",
    "alter system set track_io_timing = on; select pg_reload_conf();",
  );
}

async function databasesAspect(
  session: Session,
  facts: Facts,
  _: Config["database"],
  collection: Config["collection"],
): Promise<Aspect> {
  const found = await discoverDatabases(session, facts.database, collection.databases);
  return ok("databases", found.map(({ name }) => name).join(", "));
}
