import type { RunError } from "@quern/contract/runs";
import type { ExecutionRequest } from "@quern/executor/pool";
import { readConnection, sameEndpoint } from "@quern/store/datasources";
import type { Database } from "@quern/store/db";
import type { RunnerKeys } from "@quern/store/keys";
import type { ClaimedRun } from "@quern/store/queue";
import { openSecret, SecretError } from "@quern/store/secrets";
import { runError } from "./finish.ts";

type Target = ExecutionRequest["target"];

/** A run that cannot be started; `error` is what its row will say. */
export class RunRefused extends Error {
  override name = "RunRefused";
  readonly error: RunError;
  constructor(code: RunError["code"], message: string) {
    super(message);
    this.error = runError(code, message);
  }
}

/** Where a run connects to, with its secret in clear. Throws `RunRefused`. */
export async function resolveTarget(
  db: Database,
  keys: RunnerKeys,
  run: ClaimedRun,
): Promise<Target> {
  if (run.connection?.secret) {
    const binding = { org: run.org_id, datasource: run.id, field: "connection", version: 0 };
    return {
      ...typeAndConfig(run.connection),
      secret: { password: await open(keys, binding, run.connection.secret) },
    };
  }
  if (run.datasource_id === null) return { ...typeAndConfig(run.connection!), secret: null };

  const saved = await readConnection(db, run.datasource_id);
  if (!saved)
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
  if (saved.secret === null) return { ...typeAndConfig(where), secret: null };
  const binding = {
    org: saved.org_id,
    datasource: saved.id,
    field: "password",
    version: saved.secret_version,
  };
  return { ...typeAndConfig(where), secret: { password: await open(keys, binding, saved.secret) } };
}

function typeAndConfig({ type, config }: Pick<Target, "type" | "config">) {
  return { type, config };
}

async function open(
  keys: RunnerKeys,
  ...[binding, sealed]: [Parameters<typeof openSecret>[1], string]
): Promise<string> {
  try {
    return await openSecret(keys.private, binding, sealed);
  } catch (error) {
    if (!(error instanceof SecretError)) throw error;
    throw new RunRefused(
      "auth_failed",
      `${error.message} An admin has to enter the datasource's password again.`,
    );
  }
}
