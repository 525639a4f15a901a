/** A real API on a fresh database, and clients for it. Only tests may import this file. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Client, createClient, ProblemError } from "@quern/contract/client";
import type { Role } from "@quern/contract/members";
import type { Problem } from "@quern/contract/problem";
import { openLog } from "@quern/runtime/log";
import type { Actor } from "@quern/store/actor";
import { type Database, openDatabase } from "@quern/store/db";
import { ensureKeys } from "@quern/store/keys";
import { freshDatabase } from "@quern/store/testing";
import { makeActor } from "@quern/store/testing-fixtures";
import { createToken } from "@quern/store/tokens";
import { type RunningApi, start } from "./server.ts";
import type { ApiSettings } from "./settings.ts";

export type TestApi = RunningApi & {
  db: Database;
  keysDirectory: string;
  databaseUrl: string;
  /** A person of that role with a client that acts for them by access token. */
  as(role: Role): Promise<{ actor: Actor; client: Client; token: string }>;
  [Symbol.asyncDispose](): Promise<void>;
};

export async function startTestApi(settings: Partial<ApiSettings> = {}): Promise<TestApi> {
  const database = await freshDatabase();
  const directory = await mkdtemp(join(tmpdir(), "quern-api-"));
  const keysDirectory = join(directory, "keys");
  await ensureKeys(keysDirectory);
  const api = await start(
    {
      DATABASE_URL: database.url,
      HOST: "127.0.0.1",
      PORT: 0,
      QUERN_BASE_URL: "http://quern.example.test",
      QUERN_KEYS: keysDirectory,
      QUERN_RESULTS: `file:${join(directory, "results")}`,
      LOG_LEVEL: "fatal",
      ...settings,
    },
    openLog("api", "fatal"),
  );
  const db = openDatabase(database.url);
  const dispose = async () => {
    await api.stop();
    await db.destroy();
    await database.drop();
    await rm(directory, { recursive: true });
  };
  return {
    ...api,
    db,
    keysDirectory,
    databaseUrl: database.url,
    stop: dispose,
    async as(role) {
      const actor = await makeActor(db, role);
      const { token } = await createToken(db, actor, "test", 1);
      return { actor, client: createClient(api.address, token), token };
    },
    [Symbol.asyncDispose]: dispose,
  };
}

/** The problem that a call ends with. Throws when it succeeds. */
export async function problemOf(call: Promise<unknown>): Promise<Problem> {
  try {
    await call;
  } catch (error) {
    if (error instanceof ProblemError) return error.problem;
    throw error;
  }
  throw new Error("the call succeeded");
}
