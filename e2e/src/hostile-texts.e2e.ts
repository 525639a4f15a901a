/** Texts that want to be code, in every place where people or databases put texts: none runs, and the page's policy is not even asked. */
import { randomUUID } from "node:crypto";
import type { ChartConfig } from "@quern/contract/chart-config";
import type { Client } from "@quern/contract/client";
import { createDashboard, runDashboard } from "@quern/contract/dashboards";
import { listDatasources } from "@quern/contract/datasources";
import { createQuery } from "@quern/contract/queries";
import { createRun, readRun } from "@quern/contract/runs";
import { createSchedule } from "@quern/contract/schedules";
import { createVisualization } from "@quern/contract/visualizations";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openBrowser, openPage, type Watched } from "./browser.ts";
import { signIn } from "./page-steps.ts";
import { type Quern, signInClient, startQuern } from "./quern.ts";

const ADMIN = { email: "mallory@example.test", password: "correct horse battery" };

/** Each calls `ran()` when it works. After OWASP's and PortSwigger's lists, in our own words. */
const TEXTS = [
  `<img src=x onerror=ran()>`,
  `<svg onload=ran()>`,
  `"><script>ran()</script>`,
  `'"><iframe srcdoc="<script>parent.ran()</script>">`,
  `javascript:ran()`,
  `</title><script>ran()</script>`,
  `{{constructor.constructor('ran()')()}}`,
  // biome-ignore lint/suspicious/noTemplateCurlyInString: what template engines would run
  "${ran()}",
  `<a href="javascript:ran()" autofocus onfocus=ran()>x</a>`,
  `<math><mi xlink:href="data:x,<script>ran()</script>">`,
  `<details open ontoggle=ran()>`,
  `<style>@import'javascript:ran()';</style>`,
  `\u202Egnp.exe<img src=x onerror=ran()>`,
  `<img/src/onerror=ran()>`,
  `&lt;img src=x onerror=ran()&gt;`,
  `<body onload=ran()>`,
  `<video><source onerror=ran()>`,
  `<object data="javascript:ran()">`,
  `<form action="javascript:ran()"><button>go</button></form>`,
  `<input autofocus onfocus=ran()>`,
];
const MARKDOWN = [
  ...TEXTS,
  `[click](javascript:ran())`,
  `[click](JaVaScRiPt&#58;ran())`,
  `[click](data:text/html,<script>ran()</script>)`,
  `![x](x"onerror="ran())`,
  `![x](javascript:ran())`,
  `<javascript:ran()>`,
  `[x]: javascript:ran()\n\n[x]`,
  "```html\n<script>ran()</script>\n```",
].join("\n\n");
const NAME = `${TEXTS[0]}${TEXTS[2]}${TEXTS[8]}`.slice(0, 190);
const quoted = (text: string) => `'${text.replaceAll("'", "''")}'`;
const SQL = `select ${TEXTS.map(
  (_, i) => `label as "${["c", TEXTS[i]!.replaceAll('"', "")].join(" ").slice(0, 60)}"`,
)
  .slice(0, 4)
  .join(", ")}, label, value, at
from (values ${TEXTS.map((text, i) => `(${quoted(text)}, ${i + 1}, date '2026-01-01' + ${i})`).join(", ")}) as rows(label, value, at)`;

let quern: Quern;
let browser: Browser;
let api: Client;
let watched: Watched;
let queryId: string;
let dashboardId: string;
let runId: string;
let scheduleId: string;

beforeAll(async () => {
  [quern, browser] = await Promise.all([
    startQuern({ QUERN_ADMIN_EMAIL: ADMIN.email, QUERN_ADMIN_PASSWORD: ADMIN.password }),
    openBrowser(),
  ]);
  api = await signInClient(quern.url, ADMIN.email, ADMIN.password);
  await fill();
  watched = await openPage(browser, quern.url);
  await watched.page.addInitScript(`
    globalThis.found = { ran: 0, violations: [] };
    globalThis.ran = () => { found.ran += 1 };
    addEventListener("securitypolicyviolation", (event) => {
      found.violations.push([event.violatedDirective, event.blockedURI, event.sample].join(" "));
    });`);
  watched.page.on("dialog", (dialog) => {
    watched.complaints.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
});
afterAll(async () => {
  await browser?.close();
  await quern?.[Symbol.asyncDispose]();
});

async function fill(): Promise<void> {
  const { items } = await api.call(listDatasources, {});
  const datasource_id = items[0]!.id;
  const query = await api.call(createQuery, {
    body: { name: NAME, description: NAME, datasource_id, sql: `${SQL} -- ${NAME}` },
  });
  queryId = query.id;
  const run = await api.call(createRun, { body: { query_id: queryId } });
  runId = run.id;
  await api.call(readRun, { params: { id: runId }, query: { wait: 30 } });
  const config = (type: ChartConfig["type"], more: Partial<ChartConfig> = {}): ChartConfig => ({
    ...{ type, x: "label", y: ["value"], series: null, stacked: false, horizontal: false },
    ...more,
  });
  const configs = [
    config("bar", { x_axis: { title: NAME }, y_axis: { title: NAME }, labels: true }),
    config("bar", { x: "at", series: "label", stacked: true, legend: "right" }),
    config("line", {
      x: "at",
      annotations: [{ at: "2026-01-05", label: NAME }],
      thresholds: [{ value: "5", tone: "bad", label: TEXTS[0]! }],
    }),
    config("pie"),
    config("funnel"),
    config("heatmap", { series: "label", x: "at" }),
    config("box", { series: null }),
    config("region_map", { regions: "canada-provinces" }),
    config("stat", {
      stat: { label: NAME, compare: "previous_row" },
      format: { style: "number", unit: "<b>u</b>" },
    }),
    config("table", { table: { columns: [{ name: "label", label: NAME }] } }),
  ];
  const charts = await Promise.all(
    configs.map((each, i) =>
      api.call(createVisualization, {
        body: { query_id: queryId, name: `${i} ${NAME}`.slice(0, 200), config: each },
      }),
    ),
  );
  const dashboard = await api.call(createDashboard, {
    body: {
      name: NAME,
      description: NAME,
      tags: [TEXTS[0]!],
      params: [{ name: "who", label: NAME, type: "text", default: TEXTS[0]!, required: false }],
      tiles: [
        ...charts.map((chart, i) => ({
          ...{
            id: randomUUID(),
            type: "visualization" as const,
            title: `${i} ${NAME}`.slice(0, 200),
          },
          ...{ place: { x: (i % 2) * 12, y: Math.floor(i / 2) * 8, width: 12, height: 8 } },
          ...{ visualization_id: chart.id, bindings: {}, click: null },
        })),
        {
          ...{ id: randomUUID(), type: "text" as const, title: NAME },
          ...{ place: { x: 0, y: 60, width: 24, height: 20 }, content: `${MARKDOWN}\n\n{{ who }}` },
        },
        {
          ...{ id: randomUUID(), type: "section" as const, title: NAME, collapsed: false },
          place: { x: 0, y: 80, width: 24, height: 1 },
        },
      ],
    },
  });
  dashboardId = dashboard.id;
  await api.call(runDashboard, { params: { id: dashboardId }, body: { refresh: "stale" } });
  const schedule = await api.call(createSchedule, {
    body: {
      ...{ name: NAME, target: { type: "dashboard", dashboard_id: dashboardId, tile_ids: null } },
      ...{ recurrence: "daily 03:00", time_zone: "America/Toronto" },
    },
  });
  scheduleId = schedule.id;
}

const look = async (path: string) => {
  const { page } = watched;
  await page.goto(path);
  await page.locator("h1, [role=heading]").first().waitFor();
  // That nothing happens can only be waited for; the event stream keeps the network from ever being idle.
  await page.waitForTimeout(1200);
  return page.evaluate("found");
};

test("no text runs on any page that shows it, and none comes to the policy", async () => {
  const { page, complaints } = watched;
  await signIn(page, ADMIN);
  const places = [
    ...[
      "/",
      "/queries",
      "/dashboards",
      "/schedules",
      "/runs",
      `/search?q=${encodeURIComponent("<img")}`,
    ],
    ...[`/queries/${queryId}?run=${runId}`, `/queries/${queryId}?run=${runId}&view=chart`],
    ...[`/runs/${runId}`, `/dashboards/${dashboardId}`, `/schedules/${scheduleId}`],
    `/dashboards/${dashboardId}?who=${encodeURIComponent(TEXTS[0]!)}`,
  ];
  for (const place of places) {
    expect(await look(place), place).toEqual({ ran: 0, violations: [] });
  }
  expect(complaints).toEqual([]);
});

test("marks that are pointed at show their names as they are", async () => {
  const { page, complaints } = watched;
  await page.goto(`/dashboards/${dashboardId}`);
  await page.locator("canvas").first().waitFor();
  for (const canvas of (await page.locator("canvas").all()).slice(0, 6)) {
    const box = await canvas.boundingBox();
    if (box === null) continue;
    for (const [x, y] of [
      [0.3, 0.8],
      [0.5, 0.5],
      [0.6, 0.4],
    ] as const) {
      await canvas.hover({ position: { x: box.width * x, y: box.height * y }, force: true });
    }
  }
  const found = await page.evaluate("found");
  expect(found).toEqual({ ran: 0, violations: [] });
  await watched.picture("hostile-texts");
  expect(complaints).toEqual([]);
});
