import { existsSync } from "node:fs";
import { createDatasource } from "@quern/contract/datasources";
import { createRun, readRun } from "@quern/contract/runs";
import { chromium, type Page } from "playwright-core";
import { startBenched } from "./benched.ts";
import type { Measure } from "./main.ts";
import { makeSample } from "./sample-rows.ts";
import { measure, quantile } from "./times.ts";

const ROWS = 1_000_000;
/** As many as a browser lays out in a few seconds; it could not hold the million. */
const PEER_ROWS = 10_000;
const FRAMES = 300;
const CHROMIUM = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/usr/bin/chromium-headless-shell",
];

/**
 * Milliseconds from one frame to the next while a result of 1,000,000 rows × 7 is scrolled in Chromium, 40 px a frame and then
 * with jumps over the whole length; beside a plain table of 10,000 rows, all of them in the page. 20 ms are 50 frames a second.
 */
export async function gridScroll(): Promise<Measure[]> {
  const executablePath = CHROMIUM.find((path) => existsSync(path));
  if (!executablePath) throw new Error("Chromium is missing: install your system's package");
  await using benched = await startBenched();
  const runId = await storeRows(benched);
  const browser = await chromium.launch({
    executablePath,
    args: ["--no-sandbox", "--disable-gpu"],
  });
  try {
    const context = await browser.newContext({
      baseURL: benched.url,
      viewport: { width: 1440, height: 900 },
      extraHTTPHeaders: { authorization: `Bearer ${benched.token}` },
    });
    const page = await context.newPage();
    await page.goto(`/queries/new?run=${runId}`);
    await page.locator('[role="gridcell"]').first().waitFor({ timeout: 60_000 });
    const grid = await scrolled(page, '[role="grid"]');
    const peerPage = await context.newPage();
    await peerPage.goto("about:blank");
    await peerPage.evaluate(PLAIN_TABLE);
    const plain = await scrolled(peerPage, "#box");
    const row = (what: string, own: number, peer: number) =>
      measure(`${what}, peer: a plain table of 10,000 rows`, own, peer, "ms");
    return [
      row(
        "frame while scrolling 1M rows × 7, median",
        quantile(grid.slow, 0.5),
        quantile(plain.slow, 0.5),
      ),
      row("the same, p95", quantile(grid.slow, 0.95), quantile(plain.slow, 0.95)),
      row("the same, processor time of the page's main thread", grid.busy, plain.busy),
      row(
        "frame while jumping through 1M rows × 7, p95",
        quantile(grid.jumps, 0.95),
        quantile(plain.jumps, 0.95),
      ),
    ];
  } finally {
    await browser.close();
  }
}

async function storeRows({
  client,
  target,
}: Awaited<ReturnType<typeof startBenched>>): Promise<string> {
  const { config, password } = await makeSample(target, ROWS);
  const { id: datasource_id } = await client.call(createDatasource, {
    body: { name: "sample", type: "postgres", config, secret: { password } },
  });
  const limits = { max_rows: ROWS, max_bytes: 20 * 1024 ** 3 };
  const { id } = await client.call(createRun, {
    body: { datasource_id, sql: "select * from rows", limits },
  });
  for (;;) {
    const run = await client.call(readRun, { params: { id }, query: { wait: 30 } });
    if (run.status === "succeeded") return id;
    if (run.finished_at !== null)
      throw new Error(`The rows could not be stored: ${run.error?.message}`);
  }
}

const PLAIN_TABLE = `
  const line = (n) => '<tr>' + [n, 'name ' + n % 1000, n / 100, '2001-01-01 00:00:00+00', n % 3 === 0, 'c4ca4238a0b923820dcc509a6f75849b', n / 7].map((cell) => '<td>' + cell + '</td>').join('') + '</tr>';
  document.body.innerHTML = '<div id="box" style="height:400px;overflow:auto"><table>' + Array.from({ length: ${PEER_ROWS} }, (_, n) => line(n)).join('') + '</table></div>';
`;

/** Frames of slow scrolling and of jumps, and the processor time that a frame of slow scrolling took. */
async function scrolled(page: Page, selector: string) {
  const inspector = await page.context().newCDPSession(page);
  await inspector.send("Performance.enable", { timeDomain: "threadTicks" });
  const busySeconds = async () => {
    const { metrics } = await inspector.send("Performance.getMetrics");
    return metrics.find(({ name }) => name === "TaskDuration")?.value ?? 0;
  };
  const before = await busySeconds();
  const slow = await framesWhile(page, selector, "box.scrollTop += 40");
  const busy = (((await busySeconds()) - before) * 1_000) / slow.length;
  const jumps = await framesWhile(
    page,
    selector,
    "box.scrollTop = (n * 7919 * 97) % box.scrollHeight",
  );
  return { slow, jumps, busy };
}

/** Milliseconds of each frame, sorted, while `step` moves the element `box` once a frame; `n` counts frames. */
async function framesWhile(page: Page, selector: string, step: string): Promise<number[]> {
  await page.bringToFront();
  const times = await page.evaluate(`new Promise((resolve) => {
    const box = document.querySelector(${JSON.stringify(selector)});
    box.scrollTop = 0;
    const times = [];
    let n = 0;
    let before = 0;
    const frame = (now) => {
      if (n > 20) times.push(now - before);
      before = now;
      n += 1;
      ${step};
      if (times.length < ${FRAMES}) requestAnimationFrame(frame);
      else resolve(times);
    };
    requestAnimationFrame(frame);
  })`);
  return (times as number[]).sort((a, b) => a - b);
}
