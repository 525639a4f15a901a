import { runScript } from "@quern/psql/run-script";
import type { ScriptOutcome } from "@quern/psql/script";
import { ScriptError } from "@quern/psql/script-error";
import type { ScriptSession } from "@quern/psql/session";
import { openTestSession } from "@quern/psql/testing";
import { CORPUS, type CorpusCase } from "@quern/psql/testing-corpus";
import { cleanDatabase, databaseState } from "@quern/psql/testing-state";
import { emptyDatabase, type TestDatabase, testServer } from "@quern/store/testing";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import {
  GENEROUS,
  keepingSink,
  type TestClient,
  testClient,
  testTarget,
} from "../testing/target.ts";
import { openScriptSession } from "./script-session.ts";

let database: TestDatabase;
let client: TestClient;

beforeAll(async () => {
  database = await emptyDatabase();
  client = await testClient(database);
});

afterAll(async () => {
  await client.end();
  await database.drop();
});

// The interpreter over the package pg is compared with psql itself in packages/psql.
const cases = CORPUS.map((one, index) => [one.name, one, index % 2 === 0] as const);

test.each(cases)("%s", async (_, one, keeps) => {
  const { host, port, user, password } = testServer();
  const config = { host, port, user, password, database: database.name };
  const plain = await openTestSession(config, () => {});
  const expected = await doingOf(one, plain, "discard");
  await plain.close();

  const { sink } = keepingSink();
  const session = await openScriptSession(testTarget(database.name), {
    sink,
    limits: GENEROUS,
    spanOf: () => ({ start: 0, end: 0 }),
    settings: {},
    async onSession() {},
    onNotice: sink.notice,
  });
  // Open, it could hold what the next case waits for.
  onTestFinished(() => session.close());
  expect(await doingOf(one, session, keeps ? "result" : "discard")).toEqual(expected);
});

/** What a script said, how it ended, and what it left. */
async function doingOf(one: CorpusCase, session: ScriptSession, rows: "result" | "discard") {
  await cleanDatabase(client);
  const said: string[] = [];
  let end: ScriptOutcome | ScriptError["problem"];
  const files = {
    async read(path: string) {
      const content = one.files[path];
      return content === undefined ? null : Buffer.from(content);
    },
  };
  try {
    end = await runScript(
      { files, entry: "main.sql", variables: one.variables ?? {}, rows },
      session,
      {
        began: ({ line }) => void said.push(`line ${line}`),
        output: (text) => void said.push(text),
      },
    );
  } catch (error) {
    if (!(error instanceof ScriptError)) throw error;
    end = error.problem;
  }
  return { said, end, state: await databaseState(client) };
}
