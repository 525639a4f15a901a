import type { Environment } from "@quern/contract/environment";
import { sql } from "kysely";
import type { Database } from "./db.ts";

/** Notes what an environment's key stands for. It never changes. */
export async function noteEnvironment(
  db: Database,
  envKey: Buffer,
  asked: Environment,
): Promise<void> {
  await sql`
    insert into environments (env_key, asked) values (${envKey}, ${JSON.stringify(asked)}::jsonb)
    on conflict do nothing`.execute(db);
}

/** undefined when no state was ever made in it. */
export async function readEnvironment(
  db: Database,
  envKey: Buffer,
): Promise<Environment | undefined> {
  const { rows } = await sql<{ asked: Environment }>`
    select asked from environments where env_key = ${envKey}`.execute(db);
  return rows[0]?.asked;
}
