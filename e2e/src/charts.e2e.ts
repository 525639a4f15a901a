/** Every type of chart from the demo's outages, as an analyst makes it: choose, look, save, put on a dashboard, take as a file. */
import { readFile } from "node:fs/promises";
import type { Client } from "@quern/contract/client";
import { listDatasources } from "@quern/contract/datasources";
import { createQuery } from "@quern/contract/queries";
import { createRun, readRun } from "@quern/contract/runs";
import { listVisualizations } from "@quern/contract/visualizations";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { openBrowser, openPage, type Watched } from "./browser.ts";
import { expectAccessible, signIn } from "./page-steps.ts";
import { type Quern, signInClient, startQuern } from "./quern.ts";

const ADMIN = { email: "admin@example.test", password: "correct horse battery" };
const OUTAGES = `select date_trunc('day', started_at) as day, province, cause, count(*) as outages,
  sum(customers_affected) as customers, round(avg(latitude)::numeric, 3)::float8 as latitude, round(avg(longitude)::numeric, 3)::float8 as longitude
from ohub.outages group by 1, 2, 3 order by 1, 2, 3 limit 3000`;
const HOSTILE = `<img src=x onerror="document.title='owned'">`;
const NAMES = `select name, n as "n {b} <script>" from (values ($$${HOSTILE}$$, 3), ('{a|b}', 9007199254740993), ('', 1)) as t(name, n)`;
const TYPES = [
  "Line",
  "Area",
  "Bar",
  "Number",
  "Table",
  "Pie",
  "Scatter",
  "Heatmap",
  "Histogram",
  "Box plot",
  "Funnel",
  "Regions",
  "Points",
];

let quern: Quern;
let browser: Browser;
let watched: Watched;
let page: Page;
let client: Client;

beforeAll(async () => {
  [quern, browser] = await Promise.all([
    startQuern({ QUERN_ADMIN_EMAIL: ADMIN.email, QUERN_ADMIN_PASSWORD: ADMIN.password }),
    openBrowser(),
  ]);
  client = await signInClient(quern.url, ADMIN.email, ADMIN.password);
  watched = await openPage(browser, quern.url);
  page = watched.page;
  await signIn(page, ADMIN);
});
afterAll(async () => {
  await browser?.close();
  await quern?.[Symbol.asyncDispose]();
});
beforeEach(({ onTestFailed }) => {
  onTestFailed(async () => {
    await watched.picture("charts-failed");
    console.error(await watched.describe());
  });
});

/** Saves and runs a query; the address of its rows. */
async function run(name: string, sql: string): Promise<{ query: string; address: string }> {
  const { items } = await client.call(listDatasources, {});
  const demo = items.find((each) => each.name === "Demo")!;
  const query = await client.call(createQuery, {
    body: { name, datasource_id: demo.id, sql, params: [] },
  });
  const started = await client.call(createRun, { body: { query_id: query.id } });
  const ended = await client.call(readRun, { params: { id: started.id }, query: { wait: 20 } });
  expect(ended.error).toBeNull();
  return { query: query.id, address: `/queries/${query.id}?run=${started.id}` };
}
const drawn = () => page.locator("figure canvas, figure table, figure .numbers").first().waitFor();

test("each type is drawn from one result, in light and dark, and takes over what fits", async () => {
  const { address } = await run("Outages by day", OUTAGES);
  await page.goto(`${address}&view=chart`);
  await drawn();
  const gallery = page.getByRole("radiogroup", { name: "Type of chart" });
  for (const type of TYPES) {
    await gallery.getByRole("radio", { name: type, exact: true }).click();
    await drawn();
    await expect
      .poll(() => page.getByRole("figure").getByRole("status").allInnerTexts())
      .toEqual([]);
    await watched.picture(`charts-${type.toLowerCase().replace(" ", "-")}`);
    await page.emulateMedia({ colorScheme: "dark" });
    await watched.picture(`charts-${type.toLowerCase().replace(" ", "-")}-dark`);
    await page.emulateMedia({ colorScheme: "light" });
  }
  await gallery.getByRole("radio", { name: "Bar", exact: true }).click();
  await expectAccessible(page);
});

test("settings by keyboard, undone and done again, in the address; the table behind the chart", async () => {
  await page.getByRole("button", { name: "Arrangement" }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("switch", { name: "Stacked" }).focus();
  await page.keyboard.press("Space");
  await page.waitForURL(/stacked=1/);
  await page.getByRole("button", { name: "Undo", exact: true }).click();
  await page.waitForURL((url) => url.searchParams.get("stacked") === null);
  await page.getByRole("button", { name: "Redo", exact: true }).click();
  await page.waitForURL(/stacked=1/);
  await page.getByRole("button", { name: "Show as table" }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("figure").getByRole("columnheader").first().waitFor();
  await page.getByRole("button", { name: "Show as chart" }).click();
  await page.reload();
  await drawn();
  expect(new URL(page.url()).searchParams.get("type")).toBe("bar");
});

test("names that would be markup are text, in the chart and in its files", async () => {
  const { query, address } = await run("Hostile names", NAMES);
  await page.goto(`${address}&view=chart`);
  await drawn();
  // A chart hears of the pointer only when it moves: one that is not yet laid out misses that.
  const tooltip = async (aside: number) => {
    const box = (await page.locator("figure canvas").boundingBox())!;
    await page.mouse.move(box.x + box.width * 0.5 + aside, box.y + box.height / 2);
    return page.getByText("9,007,199,254,740,993").last().isVisible();
  };
  await expect.poll(async () => (await tooltip(1)) || (await tooltip(0))).toBe(true);
  const files = [];
  for (const item of ["Download as PNG", "Download as SVG"]) {
    await page.getByRole("button", { name: "Save as a picture" }).click();
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("menuitem", { name: item }).click(),
    ]);
    files.push(await readFile(await download.path()));
  }
  const [png, svg] = files as [Buffer, Buffer];
  expect(png.subarray(0, 8)).toEqual(Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]));
  expect(png.readUInt32BE(16)).toBeGreaterThan(1_000);
  const parsed = await page.evaluate(`(() => {
    const read = new DOMParser().parseFromString(${JSON.stringify(svg.toString("utf8"))}, "image/svg+xml");
    const bad = read.querySelectorAll("parsererror, script, img, image").length;
    return { root: read.documentElement.tagName, bad };
  })()`);
  expect(parsed).toEqual({ root: "svg", bad: 0 });
  expect(await page.title()).not.toBe("owned");

  await page.getByRole("button", { name: "Save chart" }).click();
  await page.getByRole("dialog").getByRole("textbox").fill(HOSTILE);
  await page.getByRole("dialog").getByRole("button", { name: "Save" }).click();
  await page.getByRole("tab", { name: HOSTILE }).waitFor();
  const saved = await client.call(listVisualizations, { query: { query_id: query } });
  expect(saved.items.map(({ name }) => name)).toEqual([HOSTILE]);
});

test("a saved chart goes onto a new dashboard, and says where it is before it is deleted", async () => {
  await page.getByRole("button", { name: "Add to dashboard" }).click();
  await page.getByLabel("A new dashboard").fill("Hostile board");
  await page.getByRole("button", { name: "Make and add" }).click();
  await page.getByText("The chart is on “Hostile board”").first().waitFor();
  await page.getByRole("button", { name: "More about this chart" }).click();
  await page.getByRole("menuitem", { name: "Delete the chart" }).click();
  await page.getByText(/It is on the dashboard “Hostile board”/).waitFor();
  await page.getByRole("button", { name: "Delete chart" }).click();
  await page.getByRole("tab", { name: HOSTILE }).waitFor({ state: "detached" });
  expect(watched.complaints).toEqual([]);
});
