/** What an operator sees of real processes: their logs, metrics and traces. */
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { Client } from "@quern/contract/client";
import { testDatasource } from "@quern/contract/datasources";
import { readRunRows } from "@quern/contract/run-results";
import { cancelRun, createRun, type Run, readRun } from "@quern/contract/runs";
import { readSystem } from "@quern/contract/system";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { metricOf, readMetrics, sumOf } from "./exposition.ts";
import { type LoggedProcess, startLogged } from "./logged-process.ts";
import { type Observed, startObserved } from "./observed.ts";

const canary = (what: string) => `canary-${what}-${randomBytes(6).toString("hex")}`;
const CANARIES = {
  password: canary("password"),
  wrongPassword: canary("wrong-password"),
  literal: canary("literal"),
  badLiteral: canary("bad-literal"),
  parameter: canary("parameter"),
  cell: canary("cell"),
  signIn: canary("sign-in"),
  collectorKey: canary("collector-key"),
};

let quern: Observed;
let api: LoggedProcess;
let runner: LoggedProcess;
let client: Client;
let datasource: string;

beforeAll(async () => {
  quern = await startObserved(CANARIES);
  ({ api, runner, client } = quern);
  datasource = await quern.addDatasource("observed", CANARIES.password);
});
afterAll(async () => {
  await runner.stop();
  await quern.stop();
});

const ended = (id: string): Promise<Run> =>
  client.call(readRun, { params: { id }, query: { wait: 60 } });

async function run(text: string): Promise<Run> {
  const { id } = await client.call(createRun, { body: { datasource_id: datasource, sql: text } });
  return ended(id);
}

test("a trace goes from the caller through request, queue, claim and executor to the end of the run", async () => {
  const traceId = randomBytes(16).toString("hex");
  const callerSpan = randomBytes(8).toString("hex");
  const reply = await fetch(`${quern.url}/api/v1/runs`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${quern.token}`,
      "content-type": "application/json",
      traceparent: `00-${traceId}-${callerSpan}-01`,
    },
    body: JSON.stringify({
      datasource_id: datasource,
      sql: `select '${CANARIES.literal}' as secret from generate_series(1, 3)`,
    }),
  });
  const { id } = (await reply.json()) as { id: string };
  expect(await ended(id)).toMatchObject({ status: "succeeded", rows: 3 });

  const spans = await quern.receiver.trace(traceId, 10);
  const named = (name: string) => {
    const found = spans.filter((span) => span.name === name);
    expect([name, found.length]).toEqual([name, 1]);
    return found[0]!;
  };
  const request = named("POST /api/v1/runs");
  const enqueue = named("enqueue");
  const whole = named("run");
  expect(request).toMatchObject({ service: "quern-api", parent_id: callerSpan, kind: 2 });
  expect(request.attributes).toMatchObject({
    "http.response.status_code": 202,
    "quern.request_id": reply.headers.get("x-request-id"),
  });
  expect(enqueue).toMatchObject({ parent_id: request.span_id, kind: 4 });
  for (const name of ["queue wait", "claim", "run"])
    expect(named(name)).toMatchObject({ service: "quern-runner", parent_id: enqueue.span_id });
  for (const name of ["connect", "execute", "stream", "store", "finish"])
    expect(named(name)).toMatchObject({ service: "quern-runner", parent_id: whole.span_id });
  expect(whole).toMatchObject({
    kind: 5,
    failed: false,
    attributes: {
      "quern.run_id": id,
      "quern.datasource_id": datasource,
      "quern.kind": "query",
      "quern.connector": "postgres",
      "quern.outcome": "succeeded",
      "quern.rows": 3,
    },
  });
  const order = ["connect", "execute", "stream", "store", "finish"].map(named);
  for (const [i, span] of order.entries()) {
    expect(span.start).toBeGreaterThanOrEqual(order[i - 1]?.start ?? whole.start);
    expect(span.end).toBeLessThanOrEqual(whole.end + 1);
  }
  expect((await ended(id)).traceparent).toBe(`00-${traceId}-${enqueue.span_id}-01`);
  expect(quern.receiver.headers()["x-key"]).toBe(CANARIES.collectorKey);
});

test("a request without a trace begins one, and a failed run is a failed span", async () => {
  const { traceparent } = await run("select 1");
  expect(traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
  const failed = await run("select 1 / 0");
  expect(failed).toMatchObject({ status: "failed", error: { code: "sql_error" } });
  const spans = await quern.receiver.trace(failed.traceparent!.split("-")[1]!, 9);
  expect(spans.find(({ name }) => name === "run")).toMatchObject({
    failed: true,
    attributes: { "quern.outcome": "sql_error", "error.type": "sql_error" },
  });
});

test("logs name request and run, and never SQL, values or secrets; nor do traces and metrics", async () => {
  const { id: badPassword } = await client.call(testDatasource, {
    params: { id: await quern.addDatasource("locked out", CANARIES.wrongPassword) },
  });
  await ended(badPassword);
  await quern.asCustomer(`create table cells as select '${CANARIES.cell}'::text as cell`);
  await quern.asCustomer(`grant select on cells to ${quern.role}`);
  const good = await run(`select cell, '${CANARIES.literal}' from cells`);
  expect(good.status).toBe("succeeded");
  const broken = [
    `select '${CANARIES.badLiteral}'::int`,
    `select "${CANARIES.badLiteral}" from nowhere`,
    `selec '${CANARIES.badLiteral}'`,
    `do $$ begin raise exception '${CANARIES.badLiteral}'; end $$`,
  ];
  for (const text of broken) expect((await run(text)).status).toBe("failed");
  const { id: bound } = await client.call(createRun, {
    body: {
      datasource_id: datasource,
      sql: "select {{ secret }}",
      parameters: [{ name: "secret", type: "text" }],
      params: { secret: CANARIES.parameter },
    },
  });
  expect((await ended(bound)).status).toBe("succeeded");
  const signIn = await fetch(`${quern.url}/api/v1/session`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ email: "nobody@example.test", password: CANARIES.signIn }),
  });
  expect(signIn.status).toBe(401);

  const queued = api.lines().find(({ run_id }) => run_id === good.id);
  const over = runner.lines().find(({ msg, run_id }) => msg === "run ended" && run_id === good.id);
  expect(queued?.request_id).toMatch(/^[0-9a-f-]{36}$/);
  expect(over).toMatchObject({
    request_id: queued?.request_id,
    attempt: 1,
    status: "succeeded",
    rows: 1,
    traceparent: expect.stringContaining(good.traceparent!.slice(3, 35)),
  });
  await quern.receiver.trace(good.traceparent!.slice(3, 35), 10);
  const metrics = await Promise.all([api, runner].map(scrape));
  const said = [api.output(), runner.output(), quern.receiver.text(), ...metrics].join("\n");
  for (const secret of [...Object.values(CANARIES), quern.token, "@127.0.0.1"])
    expect(said.includes(secret), secret).toBe(false);
});

async function scrape(process: LoggedProcess): Promise<string> {
  const reply = await fetch(`${(await process.line("serving metrics")).address}/metrics`);
  expect(reply.status).toBe(200);
  return reply.text();
}

const metric = async (process: LoggedProcess, name: string, ...labels: string[]) =>
  sumOf(await scrape(process), name, ...labels);

test("runs are counted and timed by outcome and phase, and a cancel by its confirmation", async () => {
  const succeeded = () => metric(runner, "quern_runs_ended_total", 'outcome="succeeded"');
  const before = await succeeded();
  for (const max_age_s of [0, 60]) {
    const again = { datasource_id: datasource, sql: "select 'again'", max_age_s };
    await ended((await client.call(createRun, { body: again })).id);
  }
  expect(await metric(api, "quern_runs_reused_total", 'kind="query"')).toBe(1);
  const { id: large } = await run("select md5(n::text) from generate_series(1, 5000) n");
  await client.call(readRunRows, { params: { id: large } });
  // A run is ended to its caller before the runner counts it.
  await expect.poll(succeeded).toBe(before + 2);
  for (const phase of ["queued", "connecting", "executing", "streaming", "storing"]) {
    const labels = [`phase="${phase}"`, 'kind="query"', 'connector="postgres"'];
    expect(await metric(runner, "quern_run_seconds_count", ...labels)).toBeGreaterThan(0);
  }
  expect(await metric(runner, "quern_run_rows_total")).toBeGreaterThanOrEqual(5000);

  const { id } = await client.call(createRun, {
    body: { datasource_id: datasource, sql: "select pg_sleep(60)" },
  });
  while ((await client.call(readRun, { params: { id } })).started_at === null) await delay(50);
  await client.call(cancelRun, { params: { id } });
  expect(await ended(id)).toMatchObject({ status: "canceled" });
  const confirmed = () => metric(runner, "quern_run_cancel_seconds_count", 'confirmed="true"');
  await expect.poll(confirmed).toBe(1);
  expect(await metric(runner, "quern_run_cancel_seconds_sum")).toBeLessThan(20);
});

const file = (path: string) => readFile(new URL(`../../${path}`, import.meta.url), "utf8");

test("dashboard and alerts use metrics and labels that are exported, and the docs list them all", async () => {
  const sandbox = startLogged("sandbox", {
    ...quern.environment,
    QUERN_SANDBOX_PROXY_ADDR: "off",
  });
  await sandbox.line("claiming jobs");
  const scraped = await Promise.all([api, runner, sandbox].map(scrape));
  await sandbox.stop();
  const [ofApi, ofRunner, ofSandbox] = scraped.map(readMetrics);
  const exported = new Map([...ofSandbox!, ...ofRunner!, ...ofApi!]);
  const dashboard = await file("deploy/grafana/quern.json");
  const panels: { targets?: { expr: string }[] }[] = JSON.parse(dashboard).panels;
  const alerts = (await file("deploy/prometheus/alerts.yaml")).split(/^ {6}- alert: /m).slice(1);
  const expressions = [
    ...panels.flatMap(({ targets }) => (targets ?? []).map(({ expr }) => expr)),
    ...alerts.map((alert) => alert.slice(0, alert.indexOf("labels:\n"))),
  ];
  expect(alerts.length).toBeGreaterThan(8);
  expect(expressions.length).toBeGreaterThan(45);
  for (const expression of expressions) {
    const series = [...expression.matchAll(/\b((?:quern|nodejs|process)_[a-z0-9_]+)(\{[^}]*\})?/g)];
    expect(series.length, expression).toBeGreaterThan(0);
    const available = new Set(["le", "job", "instance"]);
    for (const [, name = "", selector = ""] of series) {
      const found = exported.get(metricOf(name, exported));
      expect(found, `${name} in ${expression}`).toBeDefined();
      for (const label of found!.labels) available.add(label);
      for (const [, label] of selector.matchAll(/([a-z_]+)[=!]~?"/g))
        expect([...found!.labels], `${label} of ${name}`).toContain(label);
    }
    for (const [, labels = ""] of expression.matchAll(/\b(?:by|on|group_left) \(([^)]+)\)/g))
      for (const label of labels.split(", ")) expect([...available], expression).toContain(label);
  }

  const rows = [
    ...(await file("docs/observability.md")).matchAll(
      /^\| `(quern_\w+)` \| (.*?) \| (\w+) \| (.*?) \|/gm,
    ),
  ];
  const documented = rows.map(([, name, labels, type, from]) =>
    [name, labels, type, from].join(" "),
  );
  const own = [...exported.values()].filter(({ name }) => name.startsWith("quern_"));
  const labelsOf = new Map(rows.map(([, name, labels]) => [name, labels]));
  const actual = own.map(({ name, type, labels, series }) => {
    const from = Object.entries({ api: ofApi!, runner: ofRunner!, sandbox: ofSandbox! })
      .filter(([, metrics]) => metrics.has(name))
      .map(([process]) => process);
    const sorted = [...labels].filter((label) => label !== "le").sort();
    const shown =
      series === 0 ? labelsOf.get(name) : sorted.map((label) => `\`${label}\``).join(", ");
    return [name, shown, type, from.join(", ")].join(" ");
  });
  expect(documented.sort()).toEqual(actual.sort());
});

test("a collector that hangs delays no run and no stop", async () => {
  const silent = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => silent.once("listening", resolve));
  const address = silent.address();
  const port = typeof address === "object" ? address?.port : 0;
  const other = startLogged("runner", {
    ...quern.environment,
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
  });
  onTestFinished(() => other.stop("SIGKILL").then(() => void silent.close()));
  await runner.stop();
  await other.line("claiming runs");
  for (let i = 0; i < 5; i++) expect((await run("select 1")).status).toBe("succeeded");
  const began = performance.now();
  expect(await other.stop()).toBe(0);
  expect(performance.now() - began).toBeLessThan(20_000);
});

test("without a runner, the metrics of the alerts say so", async () => {
  expect(await metric(api, "quern_runners_alive")).toBe(0);
  const { id } = await client.call(createRun, {
    body: { datasource_id: datasource, sql: "select 1" },
  });
  const wait = () =>
    metric(api, "quern_queue_oldest_wait_seconds", `datasource_id="${datasource}"`);
  expect(await wait()).toBeLessThan(30);
  // A minute goes by.
  await sql`update runs set queued_at = queued_at - interval '60 seconds' where id = ${id}`.execute(
    quern.db,
  );
  expect(await wait()).toBeGreaterThan(60);
  const { queue, runners, tracing } = await client.call(readSystem, {});
  expect({ runners, tracing }).toEqual({ runners: [], tracing: true });
  expect(queue).toMatchObject([{ datasource: { id: datasource, name: "observed" }, queued: 1 }]);

  runner = startLogged("runner", quern.environment);
  expect((await ended(id)).status).toBe("succeeded");
  expect(await wait()).toBe(0);
  expect(await metric(api, "quern_runners_alive")).toBe(1);
});
