import { existsSync } from "node:fs";
import { createDatasource, introspectDatasource } from "@quern/contract/datasources";
import { readRun } from "@quern/contract/runs";
import pg from "pg";
import { chromium, type Page } from "playwright-core";
import { type Benched, startBenched } from "./benched.ts";
import type { Measure } from "./main.ts";
import { measure, quantile } from "./times.ts";

const TABLES = 500;
const COLUMNS = 20;
const TYPED = "select t7.column_3, t7.column_12 from table_7 t7 where t7.co";
const ROUNDS = 5;
/** A quick typist's pause between two keys, ms. */
const PAUSE_MS = 60;
const CHROMIUM = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/usr/bin/chromium-headless-shell",
];

/**
 * Milliseconds that a key keeps the page's thread (what handles it, and the frame that shows it, layout and paint included)
 * while a statement is typed into the editor of a datasource with 500 tables × 20 columns, completion at every key; and from
 * the key to the frame's end. Beside the same keys in the same editor inside a comment, where nothing is offered.
 */
export async function keystroke(): Promise<Measure[]> {
  const executablePath = CHROMIUM.find((path) => existsSync(path));
  if (!executablePath) throw new Error("Chromium is missing: install your system's package");
  await using benched = await startBenched();
  const id = await wideDatasource(benched);
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
    await page.goto(`/queries/new?datasource=${id}`);
    await page
      .getByRole("treeitem", { name: /table_/ })
      .first()
      .waitFor({ timeout: 60_000 });
    const offered = await typeAll(page, "");
    const plain = await typeAll(page, "-- ");
    const row = (what: string, kind: "work" | "paint", share: number) =>
      measure(
        `${what}, peer: the same keys in a comment`,
        quantile(offered[kind], share),
        quantile(plain[kind], share),
        "ms",
      );
    return [
      row("page's thread per key, 10,000 columns, p50", "work", 0.5),
      row("page's thread per key, 10,000 columns, p95", "work", 0.95),
      row("key to painted frame, 10,000 columns, p50", "paint", 0.5),
      row("key to painted frame, 10,000 columns, p95", "paint", 0.95),
    ];
  } finally {
    await browser.close();
  }
}

async function wideDatasource({ client, target }: Benched): Promise<string> {
  const { config, password } = target;
  const { host, port, database, user } = config;
  const columns = Array.from({ length: COLUMNS }, (_, n) => `column_${n} text`).join(", ");
  const db = new pg.Client({ host, port, database, user, password });
  await db.connect();
  for (let n = 0; n < TABLES; n += 1) await db.query(`create table table_${n} (${columns})`);
  await db.end();
  const { id } = await client.call(createDatasource, {
    body: { name: "wide", type: "postgres", config, secret: { password } },
  });
  const run = await client.call(introspectDatasource, { params: { id } });
  const read = await client.call(readRun, { params: { id: run.id }, query: { wait: 60 } });
  if (read.status !== "succeeded")
    throw new Error(`The schema was not read: ${read.error?.message}`);
  return id;
}

type Times = { work: number[]; paint: number[] };

/** Types the statement some times, behind `before`, and measures each key of it. */
async function typeAll(page: Page, before: string): Promise<Times> {
  await page.locator(".monaco-editor").first().click();
  for (let round = 0; round <= ROUNDS; round += 1) {
    await page.keyboard.press("ControlOrMeta+A");
    await page.keyboard.press("Delete");
    await page.keyboard.insertText(before);
    // The first round warms up.
    if (round === 1) await page.evaluate(WATCH);
    await page.keyboard.type(TYPED, { delay: PAUSE_MS });
    await page.keyboard.press("Escape");
  }
  const times = (await page.evaluate("window.stopWatching()")) as Times;
  return { work: times.work.sort((a, b) => a - b), paint: times.paint.sort((a, b) => a - b) };
}

/** A message that is sent while a key is handled arrives when that is done; one that is sent in a frame, when it is painted. */
const WATCH = `
  const times = { work: [], paint: [] };
  const after = (deed) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = deed;
    port2.postMessage(null);
  };
  const onKey = ({ key }) => {
    if (key.length !== 1) return;
    const pressed = performance.now();
    let handled = pressed;
    after(() => { handled = performance.now(); });
    requestAnimationFrame(() => {
      const began = performance.now();
      after(() => {
        const painted = performance.now();
        times.work.push(Math.max(0, handled - pressed) + painted - began);
        times.paint.push(painted - pressed);
      });
    });
  };
  addEventListener("keydown", onKey, { capture: true });
  window.stopWatching = () => {
    removeEventListener("keydown", onKey, { capture: true });
    return times;
  };
`;
