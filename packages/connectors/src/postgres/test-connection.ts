import type { ConnectionReport, TestStep } from "@quern/contract/datasources";
import type { OnSession, Target } from "../connector.ts";
import { ConnectorError } from "../errors.ts";
import { DialError } from "./dial-error.ts";
import { openSession, type Session } from "./session.ts";

const ORDER = ["resolve", "connect", "tls", "sign_in", "read_only", "version"] as const;
/** The oldest major version that still gets fixes. */
const OLDEST_SUPPORTED = 140_000;

/** Tries the connection step by step; the first step that fails says why, and the rest is skipped. */
export async function testConnection(
  target: Target,
  onSession: OnSession = () => {},
): Promise<ConnectionReport> {
  const steps: TestStep[] = [];
  let began = performance.now();
  const add = (
    step: TestStep["step"],
    status: TestStep["status"],
    message: string,
    hint?: string,
  ) => {
    const now = performance.now();
    steps.push({ step, status, duration_ms: now - began, message, hint: hint ?? null });
    began = now;
  };
  let version: string | null = null;
  let session: Session | null = null;
  try {
    session = await openSession(target, {
      application_name: "quern test",
      statement_timeout_ms: 10_000,
      onStep: (step, outcome) => {
        if ("skipped" in outcome) add(step, "skipped", outcome.skipped);
        else add(step, "ok", outcome.message);
      },
    });
    await onSession(session.handle);
    add("sign_in", "ok", `Signed in to ${target.config.database} as ${target.config.user}.`);
    const facts = await readFacts(session);
    addReadOnly(target, facts, add);
    version = facts.version;
    if (facts.version_num < OLDEST_SUPPORTED) {
      add("version", "warning", `PostgreSQL ${version}`, "This version gets no fixes any more.");
    } else add("version", "ok", `PostgreSQL ${version}`);
  } catch (error) {
    if (!(error instanceof ConnectorError)) throw error;
    add(failedStep(error, steps), "failed", error.message, error.hint ?? undefined);
  } finally {
    session?.destroy();
  }
  for (const step of ORDER.slice(steps.length)) {
    add(step, "skipped", "Not reached.");
  }
  return { ok: steps.every(({ status }) => status !== "failed"), version, steps };
}

type Facts = {
  version: string;
  version_num: number;
  superuser: boolean;
  may_create: boolean;
  writable_tables: number;
};

async function readFacts(session: Session): Promise<Facts> {
  const { rows } = await session.client.query<Facts>(`
    select pg_catalog.current_setting('server_version') as version,
           pg_catalog.current_setting('server_version_num')::int as version_num,
           (select rolsuper from pg_catalog.pg_roles where rolname = current_user) as superuser,
           pg_catalog.has_database_privilege(pg_catalog.current_database(), 'create') as may_create,
           (select count(*)::int from (
              select 1 from pg_catalog.pg_class c
                join pg_catalog.pg_namespace n on n.oid = c.relnamespace
               where c.relkind in ('r', 'p') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
                 and pg_catalog.has_schema_privilege(n.oid, 'usage')
                 and pg_catalog.has_table_privilege(c.oid, 'insert, update, delete, truncate')
               limit 1000) as writable) as writable_tables`);
  const facts = rows[0];
  if (facts === undefined) {
    throw new ConnectorError({ code: "internal", message: "the server gave no answer" });
  }
  return facts;
}

type AddStep = (
  step: TestStep["step"],
  status: TestStep["status"],
  message: string,
  hint?: string,
) => void;

function addReadOnly(target: Target, facts: Facts, add: AddStep): void {
  const role = facts.superuser
    ? "The role is a superuser"
    : facts.writable_tables > 0
      ? `The role may write to ${facts.writable_tables >= 1000 ? "1,000 or more" : facts.writable_tables} tables`
      : facts.may_create
        ? "The role may create schemas"
        : null;
  if (!target.config.read_only) {
    add("read_only", "skipped", role === null ? "Not asked for." : `Not asked for. ${role}.`);
  } else if (role === null) {
    add("read_only", "ok", "Sessions are read-only, and the role may not write.");
  } else {
    add(
      "read_only",
      "warning",
      `${role}: SQL can switch a read-only session back to writing.`,
      "Use a role that has been granted select and nothing else.",
    );
  }
}

function failedStep(error: ConnectorError, steps: TestStep[]): TestStep["step"] {
  if (error instanceof DialError) return error.step;
  return ORDER[steps.length] ?? "version";
}
