/**
 * The example dashboards: files in examples/, brought in over the API as soon as there is an admin, as theirs. What is there
 * already, or was deleted, stays as it is.
 */
import { readdir, readFile } from "node:fs/promises";
import type { Client } from "@quern/contract/client";
import { DashboardDocument, importDashboard } from "@quern/contract/dashboard-documents";
import { runDashboard } from "@quern/contract/dashboards";
import { knownDashboardKeys } from "@quern/store/dashboard-documents";
import type { Database } from "@quern/store/db";
import { demoDatasourceId } from "@quern/store/demo";
import { HEALTH_DATASOURCE, healthDatasourceWithNumbers } from "@quern/store/health-datasource";
import { actAs, awaitAdmin } from "./first-admin.ts";

/** Beside the rooms, so that built and unbuilt code find the same files. */
const EXAMPLES = new URL("../../../../examples/", import.meta.url);

/** Every `*.dashboard.json` of the folders in `examples`, with its queries from `queries/<key>.sql`. */
export async function readExamples(folder: URL = EXAMPLES): Promise<DashboardDocument[]> {
  const entries = await readdir(folder, { recursive: true });
  const paths = entries.filter((path) => path.endsWith(".dashboard.json")).sort();
  return Promise.all(paths.map((path) => readExample(new URL(path, folder))));
}

async function readExample(file: URL): Promise<DashboardDocument> {
  const { queries, ...rest } = JSON.parse(await readFile(file, "utf8"));
  const withSql = queries.map(async (query: { key: string }) => ({
    ...query,
    sql: await readFile(new URL(`queries/${query.key}.sql`, file), "utf8"),
  }));
  return DashboardDocument.parse({ ...rest, queries: await Promise.all(withSql) });
}

/**
 * Waits until there is an admin, imports the examples that are missing and runs their tiles once, so that they open with data.
 * The one of Health waits for its first numbers, too. Ends early when `signal` aborts. Throws what the API answers when it
 * refuses.
 */
export async function loadExamples(
  db: Database,
  apiUrl: string,
  signal: AbortSignal,
  pause_ms = 1000,
): Promise<void> {
  const documents = await readExamples();
  const known = await knownDashboardKeys(
    db,
    documents.map(({ key }) => key),
  );
  const missing = documents.filter(({ key }) => !known.has(key));
  const ofHealth = missing.filter(isOfHealth);
  const ofDemo = missing.filter((document) => !isOfHealth(document));
  const demo = await demoDatasourceId(db);
  if (ofDemo.length > 0 && demo !== undefined) {
    const admin = await awaitAdmin(db, signal, pause_ms);
    if (!admin) return;
    await actAs(db, admin, apiUrl, signal, async (api) => {
      for (const document of ofDemo) await loadExample(api, document, { Demo: demo }, signal);
    });
  }
  if (ofHealth.length === 0) return;
  let health: string | undefined;
  const admin = await awaitAdmin(db, signal, HEALTH_PAUSE * pause_ms, async () => {
    health = await healthDatasourceWithNumbers(db);
    return health !== undefined;
  });
  if (!admin || health === undefined) return;
  const datasources = { [HEALTH_DATASOURCE]: health };
  await actAs(db, admin, apiUrl, signal, async (api) => {
    for (const document of ofHealth) await loadExample(api, document, datasources, signal);
  });
}

/** Differences take two payloads, which are a minute apart. */
const HEALTH_PAUSE = 5;

function isOfHealth({ queries }: DashboardDocument): boolean {
  return queries.some(({ datasource }) => datasource === HEALTH_DATASOURCE);
}

async function loadExample(
  api: Client,
  document: DashboardDocument,
  datasources: Record<string, string>,
  signal: AbortSignal,
): Promise<void> {
  const body = { document, datasources };
  const { id, outcome } = await api.call(importDashboard, { body, signal });
  if (outcome !== "created") return;
  await api.call(runDashboard, { params: { id }, body: { refresh: "stale" }, signal });
}
