import { existsSync } from "node:fs";
import { createDashboard, runDashboard } from "@quern/contract/dashboards";
import { createDatasource } from "@quern/contract/datasources";
import { createQuery } from "@quern/contract/queries";
import { createVisualization } from "@quern/contract/visualizations";
import { type BrowserContext, chromium } from "playwright-core";
import { startBenched } from "./benched.ts";
import type { Measure } from "./main.ts";
import { makeSample } from "./sample-rows.ts";
import { measure, quantile } from "./times.ts";

const TILES = 30;
const ROUNDS = 7;
const LONGEST_MS = 60_000;
const CHROMIUM = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/usr/bin/chromium-headless-shell",
];
/** All thirty tiles are within the window, so that each has to be drawn. */
const VIEWPORT = { width: 1440, height: 1300 };

/**
 * Milliseconds from the start of the navigation until the last of thirty charts is painted, all from stored results, in Chromium
 * with the app in its cache; beside the page of the list of dashboards, which is what the app itself costs.
 */
export async function dashboardPaint(): Promise<Measure[]> {
  const executablePath = CHROMIUM.find((path) => existsSync(path));
  if (!executablePath) throw new Error("Chromium is missing: install your system's package");
  await using benched = await startBenched();
  const id = await makeDashboard(benched);
  const browser = await chromium.launch({
    executablePath,
    args: ["--no-sandbox", "--disable-gpu"],
  });
  try {
    const context = await browser.newContext({
      baseURL: benched.url,
      viewport: VIEWPORT,
      extraHTTPHeaders: { authorization: `Bearer ${benched.token}` },
    });
    const own: number[] = [];
    const peer: number[] = [];
    // The first of each fills the cache.
    for (let round = 0; round <= ROUNDS; round++) {
      const painted = await untilPainted(
        context,
        `/dashboards/${id}`,
        "article figure canvas",
        TILES,
      );
      const listed = await untilPainted(context, "/dashboards", "a[data-row]", 1);
      if (round > 0) own.push(painted);
      if (round > 0) peer.push(listed);
    }
    own.sort((a, b) => a - b);
    peer.sort((a, b) => a - b);
    return [
      measure(
        `${TILES} tiles from stored results painted in Chromium, median, peer: the list of dashboards`,
        quantile(own, 0.5),
        quantile(peer, 0.5),
        "ms",
      ),
    ];
  } finally {
    await browser.close();
  }
}

/** Thirty charts of thirty queries, each of which has run. */
async function makeDashboard({
  client,
  target,
}: Awaited<ReturnType<typeof startBenched>>): Promise<string> {
  const { config, password } = await makeSample(target, 100_000);
  const { id: datasource_id } = await client.call(createDatasource, {
    body: { name: "sample", type: "postgres", config, secret: { password } },
  });
  const tiles = [];
  for (let n = 0; n < TILES; n++) {
    const line = n % 2 === 0;
    const sql = line
      ? `select at::date as x, avg(amount)::float8 as y from rows where id % ${TILES} = ${n} group by 1 order by 1`
      : `select 'group ' || id % 20 as x, count(*) as y from rows where id % ${TILES} >= ${n} group by 1 order by 1`;
    const query = await client.call(createQuery, {
      body: { name: `Query ${n}`, datasource_id, sql },
    });
    const chart = await client.call(createVisualization, {
      body: {
        query_id: query.id,
        name: `Chart ${n}`,
        config: {
          type: line ? "line" : "bar",
          x: "x",
          y: ["y"],
          series: null,
          stacked: false,
          horizontal: false,
        },
      },
    });
    tiles.push({
      id: crypto.randomUUID(),
      type: "visualization" as const,
      title: null,
      place: { x: (n % 6) * 4, y: Math.floor(n / 6) * 6, width: 4, height: 6 },
      visualization_id: chart.id,
      bindings: {},
      click: null,
    });
  }
  const settings = { refresh_s: null, max_age_s: 604_800, time_zone: null };
  const { id } = await client.call(createDashboard, { body: { name: "Thirty", tiles, settings } });
  for (let refresh: "all" | "none" = "all"; ; refresh = "none") {
    const { items } = await client.call(runDashboard, { params: { id }, body: { refresh } });
    if (items.every((item) => item.last_good !== null)) return id;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** From the start of the navigation to the frame in which the last of `count` elements is seen. */
async function untilPainted(
  context: BrowserContext,
  path: string,
  selector: string,
  count: number,
): Promise<number> {
  const page = await context.newPage();
  await page.addInitScript(`
    const look = () => {
      if (document.querySelectorAll(${JSON.stringify(selector)}).length < ${count}) return requestAnimationFrame(look);
      // ECharts draws in the frame after it has made its canvas.
      requestAnimationFrame(() => requestAnimationFrame(() => { window.paintedAt = performance.now(); }));
    };
    requestAnimationFrame(look);
  `);
  await page.goto(path, { waitUntil: "commit" });
  let painted: number | null = null;
  for (const end = performance.now() + LONGEST_MS; painted === null; ) {
    if (performance.now() > end) throw new Error(`${path} was not painted in ${LONGEST_MS} ms`);
    await new Promise((resolve) => setTimeout(resolve, 50));
    painted = await page.evaluate<number | null>("window.paintedAt ?? null");
  }
  await page.close();
  return painted;
}
