/** The pages around runs, as a person uses them: read one, explain it, do it again, compare, cancel, and look at the system. */
import type { Client } from "@quern/contract/client";
import { listDatasources } from "@quern/contract/datasources";
import { readRunRows } from "@quern/contract/run-results";
import { createRun, type Run, readRun } from "@quern/contract/runs";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { DESK, openBrowser, openPage, type Watched } from "./browser.ts";
import { expectAccessible, signIn } from "./page-steps.ts";
import { type Quern, signInClient, startQuern } from "./quern.ts";

const ADA = { email: "ada@example.test", password: "correct horse battery" };
const FLIGHTS = `select f.origin, count(*) as flights
from flights.flights f
join flights.airports a on a.iata = f.origin
where f.delay > 60
group by f.origin
order by 2 desc`;

let quern: Quern;
let browser: Browser;
let ada: Watched;
let page: Page;
let client: Client;
let demo: string;

beforeAll(async () => {
  [quern, browser] = await Promise.all([
    startQuern({ QUERN_ADMIN_EMAIL: ADA.email, QUERN_ADMIN_PASSWORD: ADA.password }),
    openBrowser(),
  ]);
  client = await signInClient(quern.url, ADA.email, ADA.password);
  const { items } = await client.call(listDatasources, {});
  demo = items.find((each) => each.name === "Demo")!.id;
  ada = await openPage(browser, quern.url);
  page = ada.page;
  await signIn(page, ADA);
});
afterAll(async () => {
  await browser?.close();
  await quern?.[Symbol.asyncDispose]();
});

beforeEach(({ onTestFailed }) => {
  onTestFailed(async () => {
    await ada.picture("runs-failed");
    console.error(await ada.describe());
  });
});

async function start(sql: string): Promise<string> {
  const { id } = await client.call(createRun, { body: { datasource_id: demo, sql } });
  return id;
}

/** The run when it has ended; fails when that takes more than 20 s. */
async function ended(id: string): Promise<Run> {
  const run = await client.call(readRun, { params: { id }, query: { wait: 20 } });
  expect(run.status).not.toMatch(/queued|running/);
  return run;
}

const idOf = (url: string) => /\/runs\/([0-9a-f-]{36})/.exec(url)![1]!;

test("a run's page tells its phases, facts and rows, and what its error is about", async () => {
  const id = await start(FLIGHTS);
  await ended(id);
  await page.goto(`/runs/${id}`);
  const phases = page.getByRole("list", { name: "Phases" });
  for (const phase of ["Queued", "Connecting", "Executing"])
    await phases.getByText(phase).waitFor();
  await page.getByRole("gridcell", { name: "ORD" }).waitFor();
  await page.getByRole("region", { name: "Facts" }).getByText("over the API").waitFor();
  await expectAccessible(page);
  await ada.picture("run");

  const failing = await start("select 1;\nselect origin, nothing\nfrom flights.flights");
  await ended(failing);
  await page.goto(`/runs/${failing}`);
  await page.getByRole("alert").getByText('column "nothing" does not exist').waitFor();
  await page.getByRole("region", { name: "SQL" }).getByText("line 2, column 16").waitFor();
  await expectAccessible(page);
});

test("the grid shows extreme values as exactly as the API gives them", async () => {
  const id = await start(`select 9223372036854775807 as i8, '-9007199254740993'::int8 as beyond,
    1234567890123456789012345678901234567890.12::numeric as n, 'NaN'::numeric as nan,
    0.30000000000000004::float8 as f8, date '4713-01-01 BC' as bc, timestamptz 'infinity' as never,
    timestamptz '2026-11-21 03:54:00.123456+05:30' as at, '[1,5)'::int4range as r, '\\x00ff'::bytea as b, 12.30::numeric(9,2) as d`);
  await ended(id);
  const { rows } = await client.call(readRunRows, { params: { id } });
  await page.goto(`/runs/${id}`);
  await page.getByRole("gridcell", { name: String(rows[0]?.[0]) }).waitFor();
  const shown = new Set<string>();
  const missing = async () => {
    for (const text of await page.getByRole("gridcell").allInnerTexts()) shown.add(text.trim());
    return rows[0]?.map(String).filter((value) => !shown.has(value));
  };
  await missing();
  await page.getByRole("grid").focus();
  await page.keyboard.press("End");
  // The columns that came into view are drawn a moment later.
  await expect.poll(missing, { timeout: 10_000 }).toEqual([]);
});

test("explain draws the plan as a tree for the keyboard, and analyze says what came", async () => {
  const id = await start(FLIGHTS);
  await ended(id);
  await page.goto(`/runs/${id}`);
  await page.getByRole("button", { name: "Explain", exact: true }).click();
  const tree = page.getByRole("tree", { name: "Plan of statement 1" });
  await tree.waitFor();
  const steps = tree.getByRole("treeitem");
  const all = await steps.count();
  expect(all).toBeGreaterThan(3);
  await page.getByText("Not executed").waitFor();
  await steps.first().focus();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowLeft");
  await expect.poll(() => tree.getByRole("treeitem", { expanded: false }).count()).toBe(1);
  await expect.poll(() => steps.count()).toBeLessThan(all);
  await page.keyboard.press("ArrowRight");
  await expect.poll(() => steps.count()).toBe(all);
  await expectAccessible(page);

  await page.getByRole("button", { name: /Explain analyze/ }).click();
  await page.getByText(/^executed in/).waitFor();
  await page.getByRole("region", { name: "The chosen step" }).getByText("Own time").waitFor();
  await ada.picture("explain");
  expect(page.url()).toContain("explain=");
  await page.reload();
  await page.getByText(/^executed in/).waitFor();
});

test("running again makes a run of its own, and both stand side by side", async () => {
  const id = await start("select g as id, clock_timestamp() as at from generate_series(1, 3) g");
  await ended(id);
  await page.goto(`/runs/${id}`);
  await page.getByRole("button", { name: "Run again" }).click();
  await page.waitForURL((url) => url.pathname !== `/runs/${id}`);
  const again = idOf(page.url());
  await ended(again);
  await page.getByRole("link", { name: "Does again an earlier run" }).waitFor();
  await page.keyboard.press("d");
  await page.waitForURL((url) => url.searchParams.get("with") === id);
  expect(page.url()).toContain(`/runs/${again}/compare`);
  await page.getByRole("region", { name: "Time" }).getByText("Connecting").waitFor();
  const rows = page.getByRole("region", { name: "Differences of the rows" });
  await rows.getByText("6 rows differ").waitFor();
  await rows.getByRole("gridcell", { name: "added" }).first().waitFor();
  await rows.getByRole("gridcell", { name: "removed" }).first().waitFor();
  await expectAccessible(page);
  await ada.picture("compare");
});

test("Escape cancels what runs, at the server, and the page says so", async () => {
  const id = await start("select pg_sleep(300)");
  await page.goto(`/runs/${id}`);
  await page.getByText("Running").first().waitFor();
  await page.keyboard.press("Escape");
  await page
    .getByRole("main")
    .getByText(/confirmed/)
    .first()
    .waitFor();
  const run = await ended(id);
  expect([run.status, run.cancel?.confirmed]).toEqual(["canceled", true]);
});

test("the history narrows by chips and by a brush that the keyboard moves, both in the address", async () => {
  // The brush takes in the last minutes.
  await ended(await start("select brushed from nowhere"));
  await page.goto("/runs");
  await page.getByRole("table", { name: "Runs" }).waitFor();
  await page.getByRole("button", { name: "Failed" }).click();
  await page.waitForURL(/status=failed/);
  await page.getByRole("link", { name: /select 1; select origin, nothing/ }).waitFor();
  await page.getByRole("link", { name: /pg_sleep/ }).waitFor({ state: "detached" });
  await page.getByRole("button", { name: "1 h", exact: true }).click();
  const histogram = page.getByRole("slider", { name: /Runs over time/ });
  await histogram.focus();
  await page.keyboard.press("End");
  await page.keyboard.press("Shift+ArrowLeft");
  await page.keyboard.press("Shift+ArrowLeft");
  await page.keyboard.press("Enter");
  await page.waitForURL(/from=.*to=/);
  await page.getByRole("link", { name: /select brushed from nowhere/ }).waitFor();
  await expectAccessible(page);
  await ada.picture("history");
  await page.getByRole("button", { name: "Clear filters" }).click();
  // Rows of the narrowed list would take the focus with them when they go.
  await page
    .getByRole("link", { name: /pg_sleep/ })
    .first()
    .waitFor();
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  await expect
    .poll(() => page.evaluate("document.activeElement.hasAttribute('data-row')"))
    .toBe(true);
});

test("an admin sees the system at work and sets limits, which are checked in words", async () => {
  await page.goto("/system");
  await page
    .getByText("Everything is at work.")
    .or(page.getByText("failed through no fault"))
    .waitFor();
  await page
    .getByRole("region", { name: "Processes", exact: true })
    .getByText("Runner")
    .first()
    .waitFor();
  await expectAccessible(page);
  await ada.picture("system");
  await page.getByRole("link", { name: "Settings" }).click();
  const timeout = page.getByLabel("Timeout, default");
  await timeout.fill("2 h");
  await page.getByText("At most 1 h.").waitFor();
  expect(await page.getByRole("button", { name: "Save" }).isDisabled()).toBe(true);
  await timeout.fill("2 min");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("Saved.").waitFor();
  await expectAccessible(page);
  await ada.picture("settings");
  const run = await ended(await start("select 1"));
  expect(run.limits.timeout_ms).toBe(120_000);
});

test("running again and closing the tab end what was left behind; a reload does not", async () => {
  const tab = await openPage(browser, quern.url, DESK, page.context());
  const runIn = async () => {
    const before = new URL(tab.page.url()).searchParams.get("run");
    await tab.page.keyboard.press("ControlOrMeta+Enter");
    await tab.page.waitForURL((url) => ![null, before].includes(url.searchParams.get("run")));
    const id = new URL(tab.page.url()).searchParams.get("run")!;
    await expect.poll(async () => (await read(id)).status, { timeout: 15_000 }).toBe("running");
    return id;
  };
  const read = (id: string) => client.call(readRun, { params: { id } });
  await tab.page.goto(`/queries/new?datasource=${demo}`);
  await tab.page.locator(".monaco-editor").first().click();
  await tab.page.locator(".monaco-editor.focused").first().waitFor();
  await tab.page.keyboard.insertText("select pg_sleep(300)");
  const first = await runIn();
  const second = await runIn();
  expect((await ended(first)).status).toBe("canceled");
  await tab.page.reload();
  await tab.page.getByRole("button", { name: /^Cancel/ }).waitFor();
  // Longer than the grace that a closed tab is given.
  expect(
    (await client.call(readRun, { params: { id: second }, query: { wait: 4 } })).cancel,
  ).toBeNull();
  await tab.page.locator(".monaco-editor").first().click();
  const third = await runIn();
  expect((await ended(second)).status).toBe("canceled");
  // To the page, leaving is the same as closing; but a browser on a busy machine may kill a closed tab before it can tell.
  await tab.page.goto("about:blank");
  expect((await ended(third)).status).toBe("canceled");
  await tab.page.close();
});

test("on a phone and in the dark nothing runs over the edge", async () => {
  const id = await start(FLIGHTS);
  await ended(id);
  const storageState = await page.context().storageState();
  const look = { width: 390, height: 844, colorScheme: "dark" as const };
  const context = await browser.newContext({
    baseURL: quern.url,
    viewport: { width: look.width, height: look.height },
    colorScheme: look.colorScheme,
    storageState,
  });
  const phone = await openPage(browser, quern.url, look, context);
  for (const path of [`/runs/${id}`, `/runs/${id}/compare`, "/runs", "/system", "/settings"]) {
    await phone.page.goto(path);
    await phone.page.getByRole("main").getByRole("region").first().waitFor();
    const overflow = await phone.page.evaluate<number>(
      "document.documentElement.scrollWidth - innerWidth",
    );
    expect(overflow, path).toBeLessThanOrEqual(0);
    await phone.picture(`runs${path.replace(id, "id").replaceAll("/", "-")}`);
  }
  expect(phone.complaints).toEqual([]);
  await context.close();
  expect(ada.complaints).toEqual([]);
});
