/** From an empty machine to a real query's rows and a chart in the browser, as a newcomer does it. */
import { setTimeout } from "node:timers/promises";
import { testServer } from "@quern/store/testing";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { DESK, openBrowser, openPage, type Watched } from "./browser.ts";
import { expectAccessible, writeSql } from "./page-steps.ts";
import { type Quern, startQuern } from "./quern.ts";

const ADA = { name: "Ada Lovelace", email: "ada@example.test", password: "correct horse battery" };
const FLIGHTS = `select origin, date_trunc('month', date)::date as month, count(*) as flights, round(avg(delay), 1) as average_delay
from flights.flights
where origin in ('ATL', 'ORD', 'DFW')
group by 1, 2
order by 2, 1`;

let quern: Quern;
let browser: Browser;
let ada: Watched;
let page: Page;

beforeAll(async () => {
  [quern, browser] = await Promise.all([startQuern(), openBrowser()]);
  ada = await openPage(browser, quern.url);
  page = ada.page;
});
afterAll(async () => {
  await browser?.close();
  await quern?.[Symbol.asyncDispose]();
});

beforeEach(({ onTestFailed }) => {
  onTestFailed(async () => {
    await ada.picture("failed");
    console.error(await ada.describe());
  });
});

test("the console's link makes the first admin, who connects a PostgreSQL with a live test", async () => {
  await page.goto(quern.setupLink());
  await page.getByLabel("Your name").fill(ADA.name);
  await page.getByLabel("E-mail").fill(ADA.email);
  await page.getByLabel("Password", { exact: true }).fill(ADA.password);
  await expectAccessible(page);
  await ada.picture("1-set-up");
  await page.getByRole("button", { name: "Create admin" }).click();
  await page.getByRole("button", { name: /Take Demo/ }).waitFor();
  await page.getByText("Connect your PostgreSQL").click();

  const { host, port, user, password } = testServer();
  await page.getByLabel("Name").fill("Orders");
  await page.getByLabel("Host").fill(host);
  await page.getByLabel("Port").fill(String(port));
  await page.getByLabel("Database").fill("postgres");
  await page.getByLabel("User").fill(user);
  await page.getByLabel("Password", { exact: true }).fill("not the password");
  await page.getByRole("button", { name: /^Test/ }).click();
  await page
    .getByText(/password authentication failed|refused the password|wrong/i)
    .first()
    .waitFor();
  await ada.picture("2-wrong-password");
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: /^Test/ }).click();
  await page
    .getByText(/PostgreSQL 18|18\.4/)
    .first()
    .waitFor();
  await ada.picture("3-connection-test");
  await page.getByRole("button", { name: "Connect", exact: true }).click();
  await page.getByRole("button", { name: "Open in the editor" }).waitFor();
});

test("a query on the real flights gives rows and a chart, and a reload shows both again", async () => {
  await page.goto("/queries/new");
  await page.getByLabel("Datasource", { exact: true }).click();
  await page.getByRole("option", { name: /Demo/ }).click();
  await page
    .getByRole("treeitem", { name: /^flights/ })
    .first()
    .waitFor();
  await writeSql(page, FLIGHTS);
  await page.keyboard.press("ControlOrMeta+Enter");
  await page.getByRole("gridcell", { name: "ATL" }).first().waitFor();
  const result = page.getByRole("region", { name: "Result" });
  await result
    .getByText(/\b\d+ rows/)
    .first()
    .waitFor();
  await ada.picture("4-rows");
  await expectAccessible(page);
  await page.getByRole("tab", { name: "Chart" }).click();
  await page.locator("figure canvas, figure svg").first().waitFor();
  await page.waitForTimeout(500);
  await ada.picture("5-chart");
  await page.reload();
  await page.locator("figure canvas, figure svg").first().waitFor();
  await page.getByRole("tab", { name: "Table" }).click();
  await page.getByRole("gridcell", { name: "ATL" }).first().waitFor();
});

test("a saved query is found again after signing out and in", async () => {
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("dialog").getByRole("textbox").first().fill("Flights by airport and month");
  await page.getByRole("dialog").getByRole("button", { name: "Save" }).click();
  await page.waitForURL(/\/queries\/[0-9a-f-]{36}/);
  await page.goto("/");
  await ada.picture("6-home");
  await page.getByRole("button", { name: new RegExp(ADA.name) }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await page.getByLabel("E-mail").fill(ADA.email);
  await page.getByLabel("Password", { exact: true }).fill(ADA.password);
  await page.keyboard.press("Enter");
  await page.getByRole("link", { name: "Queries" }).first().click();
  await page.getByRole("link", { name: "Flights by airport and month" }).click();
  await page.locator(".monaco-editor").getByText("date_trunc").first().waitFor();
  await page.getByRole("button", { name: "Run", exact: true }).click();
  await page.getByRole("gridcell", { name: "ATL" }).first().waitFor();
});

test("an error is marked at its place, a running query is canceled, and both are in the history", async () => {
  await page.goto("/queries/new");
  await writeSql(page, "select 1;\nselect origin, nothing\nfrom flights.flights");
  await page.keyboard.press("ControlOrMeta+Enter");
  await page.getByText('column "nothing" does not exist').first().waitFor();
  await page.locator(".squiggly-error").first().waitFor();
  await page.getByText("42703").first().waitFor();
  await ada.picture("7-error");
  await writeSql(page, "select pg_sleep(300)");
  // Cancel is pressed while the run is only being created: the new run is meant, not the failed one before it.
  await page.route("**/api/v1/runs", async (route) => {
    await setTimeout(1500);
    await route.continue();
  });
  await page.keyboard.press("ControlOrMeta+Enter");
  await page
    .getByRole("button", { name: /^Cancel/ })
    .first()
    .click();
  await page.getByText("The run was canceled").waitFor();
  await page.unroute("**/api/v1/runs");
  await page.goto("/runs");
  await page
    .getByText(/canceled/i)
    .first()
    .waitFor();
  await page
    .getByText(/failed/i)
    .first()
    .waitFor();
  await ada.picture("8-runs");
  await expectAccessible(page);
});

test("a viewer who joins by link runs what is granted, and finds no way to more", async () => {
  await page.goto("/members");
  await page.getByRole("button", { name: "Add member" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("E-mail").fill("vic@example.test");
  await dialog.getByLabel("Name").fill("Vic");
  await dialog.getByRole("button", { name: "Make the link" }).click();
  const link = await page.getByLabel("One-time link").inputValue();
  await page.getByRole("button", { name: "I have it" }).click();
  expect(link).toContain("/join#token=");

  const vic = await openPage(browser, quern.url);
  await vic.page.goto(link);
  await vic.page.getByLabel("Password", { exact: true }).fill("long enough");
  await vic.page.getByRole("button", { name: "Set password and join" }).click();
  await vic.page.getByRole("heading", { name: "Home" }).waitFor();
  await vic.page.goto("/queries");
  await vic.page.getByRole("link", { name: "Flights by airport and month" }).click();
  await vic.page.getByRole("button", { name: "Run", exact: true }).click();
  await vic.page.getByRole("gridcell", { name: "ATL" }).first().waitFor();
  await vic.picture("9-viewer");
  expect(await vic.page.getByRole("button", { name: "Save", exact: true }).count()).toBe(0);
  await vic.page.goto("/datasources");
  await vic.page.getByText("Demo", { exact: true }).first().waitFor();
  expect(await vic.page.getByText("Orders").count()).toBe(0);
  await vic.page.goto("/members");
  await vic.picture("10-viewer-members");
  expect(await vic.page.getByText(ADA.email).count()).toBe(0);
  await vic.page.goto("/queries/new");
  await vic.page.getByRole("main").waitFor();
  await vic.picture("11-viewer-new-query");
  expect(await vic.page.locator(".monaco-editor").count()).toBe(0);
  expect(vic.complaints.filter((complaint) => !complaint.includes("403"))).toEqual([]);
  await vic.page.context().close();
});

test("every page looks right in dark and on a phone, and complains of nothing", async () => {
  const pages = [
    "/",
    "/queries",
    "/queries/new",
    "/runs",
    "/datasources",
    "/datasources/new",
    "/members",
    "/tokens",
  ];
  const state = await page.context().storageState();
  // The other two looks of a page are those of its own tests.
  for (const look of [
    { ...DESK, colorScheme: "dark" as const },
    { width: 390, height: 844, colorScheme: "light" as const },
  ]) {
    const { width, height, colorScheme } = look;
    const context = await browser.newContext({
      baseURL: quern.url,
      viewport: { width, height },
      colorScheme,
      storageState: state,
    });
    const watched = await openPage(browser, quern.url, look, context);
    for (const path of pages) {
      await watched.page.goto(path);
      await watched.page.getByRole("main").waitFor();
      await expect
        .poll(() => watched.page.locator('[aria-busy="true"], [aria-label="Loading"]').count())
        .toBe(0);
      const overflow = await watched.page.evaluate<number>(
        "document.documentElement.scrollWidth - innerWidth",
      );
      expect(overflow, `${path} at ${width}`).toBeLessThanOrEqual(0);
      await watched.picture(`page${path.replaceAll("/", "-")}`);
    }
    expect(watched.complaints).toEqual([]);
    await context.close();
  }
  expect(ada.complaints).toEqual([]);
});
