import rateLimit from "@fastify/rate-limit";
import type { Route } from "@quern/contract/route";
import { parsePartStore } from "@quern/results/parts";
import type { Log } from "@quern/runtime/log";
import { listenForScrapes } from "@quern/runtime/metrics-listener";
import { openOutbound } from "@quern/runtime/outbound";
import { outboundAllowOf } from "@quern/runtime/outbound-rules";
import type { Running } from "@quern/runtime/running";
import { s3CredentialsOf } from "@quern/runtime/settings";
import { openTracer } from "@quern/runtime/tracing";
import { openDatabase, sqlstate } from "@quern/store/db";
import { ensureHealthDatasources } from "@quern/store/health-datasource";
import { readApiKeys } from "@quern/store/keys";
import { ensureFirstAdmin, issueSetupLink } from "@quern/store/links";
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from "fastify";
import { serializerCompiler, validatorCompiler } from "fastify-type-provider-zod";
import type { Api } from "./api.ts";
import { openInstruments } from "./instruments.ts";
import { DOCS, describe } from "./openapi.ts";
import { hashPassword } from "./passwords.ts";
import { sendProblem } from "./problems.ts";
import { observeRequests } from "./request-span.ts";
import { addAgentRoutes } from "./routes/agents.ts";
import { addBlobRoutes } from "./routes/blobs.ts";
import { addConnectionRunRoutes } from "./routes/connection-runs.ts";
import { addDashboardDocumentRoutes } from "./routes/dashboard-documents.ts";
import { addDashboardRunRoutes } from "./routes/dashboard-runs.ts";
import { addDashboardRoutes } from "./routes/dashboards.ts";
import { addDatasourceRoutes } from "./routes/datasources.ts";
import { addDerivedRunRoutes } from "./routes/derived-runs.ts";
import { addDisplayRoutes } from "./routes/displays.ts";
import { addDraftRoutes } from "./routes/drafts.ts";
import { addEventRoutes } from "./routes/events.ts";
import { addExplainRoutes } from "./routes/explains.ts";
import { addFolderRoutes } from "./routes/folders.ts";
import { addGroupRoutes } from "./routes/groups.ts";
import { addHealthRoutes } from "./routes/health.ts";
import { addHealthDatabaseRoutes } from "./routes/health-databases.ts";
import { addHealthDatasourceRoutes } from "./routes/health-datasource.ts";
import { addHealthEventRoutes } from "./routes/health-events.ts";
import { addHealthFindingRoutes } from "./routes/health-findings.ts";
import { addHealthRelationRoutes } from "./routes/health-relations.ts";
import { addHealthServerRoutes } from "./routes/health-servers.ts";
import { addHealthStatementRoutes } from "./routes/health-statements.ts";
import { addHealthTrialRoutes } from "./routes/health-trials.ts";
import { addHomeRoutes } from "./routes/home.ts";
import { addIngestRoutes } from "./routes/ingest.ts";
import { addInstanceRoutes } from "./routes/instances.ts";
import { addJobLogRoutes } from "./routes/job-logs.ts";
import { addJobPartRoutes } from "./routes/job-parts.ts";
import { addJobRoutes, underV1 } from "./routes/jobs.ts";
import { addLayerNameRoutes } from "./routes/layer-names.ts";
import { addLayerRoutes } from "./routes/layers.ts";
import { addLibraryRoutes } from "./routes/library.ts";
import { addMemberRoutes } from "./routes/members.ts";
import { addParameterOptionRoutes } from "./routes/parameter-options.ts";
import { addPlaylistRoutes } from "./routes/playlists.ts";
import { addProjectImportRoutes } from "./routes/project-imports.ts";
import { addProjectRoutes } from "./routes/projects.ts";
import { addQueryRoutes } from "./routes/queries.ts";
import { addQueryForkRoutes } from "./routes/query-forks.ts";
import { addRunDownloadRoutes } from "./routes/run-downloads.ts";
import { addRunExplainRoutes } from "./routes/run-explains.ts";
import { addRunHistogramRoutes } from "./routes/run-histograms.ts";
import { addRunRerunRoutes } from "./routes/run-reruns.ts";
import { addRunResultRoutes } from "./routes/run-results.ts";
import { addRunRoutes } from "./routes/runs.ts";
import { addSandboxRoutes } from "./routes/sandbox.ts";
import { addScheduleRoutes } from "./routes/schedules.ts";
import { addSearchRoutes } from "./routes/search.ts";
import { addSessionRoutes } from "./routes/session.ts";
import { addSettingsRoutes } from "./routes/settings.ts";
import { addSnippetRoutes } from "./routes/snippets.ts";
import { addSystemRoutes } from "./routes/system.ts";
import { addTokenRoutes } from "./routes/tokens.ts";
import { addVisualizationRoutes } from "./routes/visualizations.ts";
import { addWebhookDeliveryRoutes } from "./routes/webhook-deliveries.ts";
import { addWebhookRoutes } from "./routes/webhooks.ts";
import { followRuns } from "./run-changes.ts";
import { openScreens } from "./screens.ts";
import { secure } from "./security.ts";
import { refuseUndeclared } from "./serve.ts";
import type { ApiSettings } from "./settings.ts";
import { openSignIn } from "./sign-in.ts";
import { giveSignsOfLife } from "./sign-of-life.ts";
import { endConnectionsAtStop } from "./stopping.ts";
import { serveWebApp } from "./web-app.ts";
import { sendWebhooks } from "./webhook-sender.ts";

export type RunningApi = Running & {
  /** Where it serves, `http://127.0.0.1:3000`. */
  address: string;
  /** How people reach it. */
  base_url: string;
  /** Where Prometheus may read without signing in; null when no setting asked for it. */
  metrics_address: string | null;
  /** Where to make the first admin; null when there is one. */
  setup_link: string | null;
};

const BODY_LIMIT_BYTES = 1024 * 1024;

/** Serves the HTTP API and the web app until stopped. Stopping lets requests finish and ends event streams. */
export async function start(settings: ApiSettings, log: Log): Promise<RunningApi> {
  const keys = await readApiKeys(settings.QUERN_KEYS);
  const baseUrl =
    settings.QUERN_BASE_URL?.replace(/\/+$/, "") ?? `http://localhost:${settings.PORT}`;
  const db = openDatabase(settings.DATABASE_URL, {
    max: 20,
    application_name: "quern api",
    // Nobody waits longer for a page.
    statement_timeout_ms: 15_000,
    silence_ms: 20_000,
    onError: (error) => log.warn({ err: error }, "lost a database connection"),
  });
  const tracer = await openTracer("api", settings, log);
  const instruments = openInstruments(db, tracer);
  const scrapes = await listenForScrapes(settings.QUERN_METRICS_ADDR, instruments.metrics, log);
  const runChanges = followRuns(settings.DATABASE_URL);
  const signsOfLife = giveSignsOfLife(db, log);
  const outbound = openOutbound({ allow: outboundAllowOf(settings.QUERN_OUTBOUND_ALLOW) });
  const webhooks = sendWebhooks({
    db,
    own: keys.own,
    outbound,
    log,
    instruments: instruments.outbox,
    subscribe: runChanges.subscribeWebhooks,
  });
  const api: Api = {
    db,
    databaseUrl: settings.DATABASE_URL,
    keys,
    log,
    runChanges,
    screens: openScreens(db),
    instruments,
    process: signsOfLife,
    signIn: openSignIn(db, keys, baseUrl, log),
    partStore: instruments.timedStore(
      parsePartStore(settings.QUERN_RESULTS, s3CredentialsOf(settings)),
    ),
    outbound,
    baseUrl,
  };
  const stop = async () => {
    await app?.close();
    await scrapes.stop();
    await webhooks.stop();
    await runChanges.stop();
    await signsOfLife.stop();
    await tracer.stop();
    await db.destroy();
  };
  let app: FastifyInstance | undefined;
  try {
    await makeFirstAdmin(api, settings);
    await offerHealthDatasource(api);
    const link = await issueSetupLink(db, settings.QUERN_ADMIN_EMAIL ?? null);
    app = await buildServer(api, settings.QUERN_TRUSTED_PROXIES);
    const address = await app.listen({ port: settings.PORT, host: settings.HOST });
    return {
      stop,
      address,
      base_url: baseUrl,
      metrics_address: scrapes.address,
      setup_link: link ? `${baseUrl}/setup#token=${link.token}` : null,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Quern serves without it, too. */
async function offerHealthDatasource({ db, keys, databaseUrl, log }: Api): Promise<void> {
  try {
    for (const { org_id, trouble } of await ensureHealthDatasources(db, keys, databaseUrl))
      if (trouble !== null) log.info({ org_id }, `Health is no datasource yet: ${trouble}`);
  } catch (error) {
    if (sqlstate(error) === undefined && !isSystemError(error)) throw error;
    log.warn({ err: error }, "Health is no datasource yet");
  }
}

/** Such as a certificate of DATABASE_URL that cannot be read. */
function isSystemError(error: unknown): boolean {
  return error instanceof Error && "syscall" in error;
}

async function makeFirstAdmin(
  api: Api,
  { QUERN_ADMIN_EMAIL: email, QUERN_ADMIN_PASSWORD: password }: ApiSettings,
): Promise<void> {
  if (!email || !password) return;
  const made = await ensureFirstAdmin(api.db, {
    email,
    name: email.split("@")[0]!,
    password_hash: await hashPassword(password),
  });
  if (made) api.log.info({ email }, "made the first admin from QUERN_ADMIN_EMAIL");
}

/** The server with all routes, not yet listening. */
export async function buildServer(api: Api, trustedProxies?: string): Promise<FastifyInstance> {
  const app = Fastify({
    loggerInstance: api.log as FastifyBaseLogger,
    logController: new LogController({
      disableRequestLogging: true,
      requestIdLogLabel: "request_id",
    }),
    bodyLimit: BODY_LIMIT_BYTES,
    // A HEAD of a download would open its parts for nothing.
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: 200 },
    genReqId: () => crypto.randomUUID(),
    requestTimeout: 120_000,
    trustProxy: trustedProxies ?? false,
    return503OnClosing: true,
    forceCloseConnections: "idle",
  });
  app.removeContentTypeParser("text/plain");
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.setErrorHandler(sendProblem);
  endConnectionsAtStop(app);
  refuseUndeclared(app, [DOCS]);
  observeRequests(app, api.instruments);
  await secure(app, api.baseUrl);
  await app.register(rateLimit, { global: false });
  await describe(app);

  addHealthRoutes(app, api);
  addSessionRoutes(app, api);
  addMemberRoutes(app, api);
  addGroupRoutes(app, api);
  addTokenRoutes(app, api);
  addDatasourceRoutes(app, api);
  addConnectionRunRoutes(app, api);
  addQueryRoutes(app, api);
  addQueryForkRoutes(app, api);
  addDraftRoutes(app, api);
  addSnippetRoutes(app, api);
  addInstanceRoutes(app, api);
  addVisualizationRoutes(app, api);
  addDashboardRoutes(app, api);
  addDashboardRunRoutes(app, api);
  addDisplayRoutes(app, api);
  addPlaylistRoutes(app, api);
  addDashboardDocumentRoutes(app, api);
  addFolderRoutes(app, api);
  addLayerRoutes(app, api);
  addLayerNameRoutes(app, api);
  addLibraryRoutes(app, api);
  addSearchRoutes(app, api);
  addHomeRoutes(app, api);
  addScheduleRoutes(app, api);
  addRunRoutes(app, api);
  addRunHistogramRoutes(app, api);
  addRunRerunRoutes(app, api);
  addSettingsRoutes(app, api);
  addParameterOptionRoutes(app, api);
  addRunExplainRoutes(app, api);
  addExplainRoutes(app, api);
  addDerivedRunRoutes(app, api);
  addRunDownloadRoutes(app, api);
  addRunResultRoutes(app, api);
  addBlobRoutes(app, api);
  addProjectRoutes(app, api);
  addProjectImportRoutes(app, api);
  for (const mount of [<R extends Route>(route: R) => route, underV1]) {
    addJobRoutes(app, api, mount);
    addJobPartRoutes(app, api, mount);
    addJobLogRoutes(app, api, mount);
    addIngestRoutes(app, api, mount);
  }
  addSandboxRoutes(app, api);
  addAgentRoutes(app, api);
  addHealthDatabaseRoutes(app, api);
  addHealthDatasourceRoutes(app, api);
  addHealthStatementRoutes(app, api);
  addHealthRelationRoutes(app, api);
  addHealthServerRoutes(app, api);
  addHealthEventRoutes(app, api);
  addHealthFindingRoutes(app, api);
  addHealthTrialRoutes(app, api);
  addEventRoutes(app, api);
  addSystemRoutes(app, api);
  addWebhookRoutes(app, api);
  addWebhookDeliveryRoutes(app, api);
  await serveWebApp(app);
  return app;
}
