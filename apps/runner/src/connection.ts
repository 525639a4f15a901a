import type { ExecutionRequest } from "@quern/executor/pool";
import { RunRefused } from "@quern/run-work/run-refused";
import { sameEndpoint } from "@quern/store/datasources";
import type { RunnerKeys } from "@quern/store/keys";
import type { ClaimedRun } from "@quern/store/queue";
import { openSecret, SecretError } from "@quern/store/secrets";

type Target = NonNullable<ExecutionRequest["target"]>;

type Resolved = {
  /** With its secret in clear. */
  target: Target;
  /** How many sessions may be open there, those opened ahead of need included; 0 opens none ahead. */
  max_sessions: number;
};

/** Where a run connects to. Throws `RunRefused`. */
export async function resolveTarget(keys: RunnerKeys, run: ClaimedRun): Promise<Resolved> {
  if (run.connection?.secret) {
    const binding = { org: run.org_id, datasource: run.id, field: "connection", version: 0 };
    return atMost(0, run.connection, await open(keys, binding, run.connection.secret));
  }
  if (run.datasource_id === null) return atMost(0, run.connection!, null);

  const saved = run.datasource;
  if (saved === null)
    throw new RunRefused(
      "datasource_unreachable",
      "The datasource was deleted before the run began.",
    );
  // The form may have been changed since the API looked: a secret goes only where it was saved for.
  if (run.connection && !sameEndpoint(saved.config, run.connection.config)) {
    throw new RunRefused(
      "auth_failed",
      "The datasource was changed meanwhile. Enter the password and test again.",
    );
  }
  const where = run.connection ?? saved;
  // Where one session is allowed, an idle one could be in the way of another runner's.
  const sessions = saved.max_concurrency > 1 ? saved.max_concurrency : 0;
  if (saved.secret === null) return atMost(sessions, where, null);
  const binding = {
    org: saved.org_id,
    datasource: saved.id,
    field: "password",
    version: saved.secret_version,
  };
  return atMost(sessions, where, await open(keys, binding, saved.secret));
}

function atMost(
  max_sessions: number,
  { type, config }: Pick<Target, "type" | "config">,
  password: string | null,
): Resolved {
  return {
    max_sessions,
    target: { type, config, secret: password === null ? null : { password } },
  };
}

/** Secrets opened lately: the arithmetic of opening one takes longer than claiming a run. */
const opened = new Map<string, string>();
const MAX_OPENED = 200;

async function open(
  keys: RunnerKeys,
  ...[binding, sealed]: [Parameters<typeof openSecret>[1], string]
): Promise<string> {
  // The sealed text is new for every secret that is saved, and opens for its binding only.
  const key = JSON.stringify([binding, sealed]);
  const known = opened.get(key);
  if (known !== undefined) return known;
  try {
    const secret = await openSecret(keys.private, binding, sealed);
    if (opened.size >= MAX_OPENED) opened.clear();
    opened.set(key, secret);
    return secret;
  } catch (error) {
    if (!(error instanceof SecretError)) throw error;
    throw new RunRefused(
      "auth_failed",
      `${error.message} An admin has to enter the datasource's password again.`,
    );
  }
}
