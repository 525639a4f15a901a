/** Parameters on the demo's flights, as their author and a viewer use them; then the rows sorted, counted and taken home. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { listDatasources } from "@quern/contract/datasources";
import { createQuery } from "@quern/contract/queries";
import type { Browser, Locator, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { openBrowser, openPage, type Watched } from "./browser.ts";
import { expectAccessible, signIn, writeSql } from "./page-steps.ts";
import { type Quern, signInClient, startQuern } from "./quern.ts";

const ADA = { email: "ada@example.test", password: "correct horse battery" };
const SQL = `select origin, destination, count(*) as flights, sum(distance)::int8 as miles
from flights.flights
where date >= {{ period.start }} and date < {{ period.end }}
[[ and origin = any({{ origins }}) ]]
[[ and destination = {{ destination }} ]]
group by 1, 2
order by 1, 2`;
const DESTINATIONS = `select distinct destination as value from flights.flights
where origin = any({{ origins }}) order by 1`;

let quern: Quern;
let browser: Browser;
let ada: Watched;
let page: Page;
let shared: string;

beforeAll(async () => {
  [quern, browser] = await Promise.all([
    startQuern({ QUERN_ADMIN_EMAIL: ADA.email, QUERN_ADMIN_PASSWORD: ADA.password }),
    openBrowser(),
  ]);
  const client = await signInClient(quern.url, ADA.email, ADA.password);
  const { items } = await client.call(listDatasources, {});
  const demo = items.find((each) => each.name.includes("Demo"));
  const origins = ["ATL", "ORD", "DFW"].map((value) => ({ value }));
  await client.call(createQuery, {
    body: {
      name: "Destinations of airports",
      datasource_id: demo?.id ?? "",
      sql: DESTINATIONS,
      params: [{ name: "origins", type: "enum", multiple: true, options: origins }],
    },
  });
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
    await ada.picture("parameters-failed");
    console.error(await ada.describe());
  });
});

const field = (on: Page, name: string): Locator => on.locator(`[data-parameter="${name}"]`);

async function define(name: string, type: string): Promise<Locator> {
  await field(page, name)
    .getByRole("button", { name: /^More for/ })
    .click();
  await page.getByRole("menuitem", { name: "Define…" }).click();
  const drawer = page.getByRole("dialog");
  await drawer.getByLabel("Type").click();
  await page.getByRole("option", { name: type }).click();
  return drawer;
}

/** A number of the first row, once that has come. */
async function firstNumber(column: number, row = 2): Promise<number> {
  const cell = page.locator(`[aria-rowindex="${row}"] > [aria-colindex="${column + 2}"]`);
  await expect.poll(() => cell.textContent(), { timeout: 10_000 }).toMatch(/^-?\d+$/);
  return Number(await cell.textContent());
}

test("{{ }} makes parameters, which get types, options and a dropdown that depends on another", async () => {
  await page.goto("/queries/new");
  await page.getByLabel("Datasource", { exact: true }).click();
  await page.getByRole("option", { name: /Demo/ }).click();
  await writeSql(page, SQL);
  await field(page, "destination").waitFor();

  const origins = await define("origins", "Choice");
  await origins.getByRole("switch", { name: "Several values" }).click();
  await origins.getByLabel(/^Options/).fill("ATL = Atlanta\nORD = Chicago\nDFW = Dallas");
  await origins.getByRole("button", { name: "Done" }).click();

  const destination = await define("destination", "Choice");
  await destination.getByRole("tab", { name: "Rows of a query" }).click();
  await destination.getByLabel("Query").click();
  await page.getByRole("option", { name: /Destinations of airports/ }).click();
  await destination.getByLabel("Depends on").click();
  await page.getByRole("option", { name: "Origins" }).click();
  await page.keyboard.press("Escape");
  await destination.getByRole("button", { name: "Done" }).click();
  await page.getByRole("dialog").waitFor({ state: "detached" });
});

test("a missing value is told at its control; then values are chosen and the run has the bound ones", async () => {
  await page.keyboard.press("ControlOrMeta+Enter");
  await field(page, "period").getByText("Needs a value.").waitFor();

  await page.getByRole("button", { name: /^Period:/ }).click();
  await page.getByLabel("From", { exact: true }).fill("2001-01-01");
  await page.getByLabel("Up to, not including").fill("2001-02-01");
  await page.getByRole("button", { name: "Use these days" }).click();
  await field(page, "origins").getByLabel("Origins", { exact: true }).click();
  await page.getByRole("option", { name: "Atlanta" }).click();
  await page.keyboard.press("Escape");
  await field(page, "destination").getByLabel("Destination", { exact: true }).click();
  await page.getByText("Depends on Origins").waitFor();
  await page.getByRole("option", { name: "ORD" }).waitFor();
  await page.keyboard.press("Escape");
  await ada.picture("parameters-1-bar");

  await page.keyboard.press("ControlOrMeta+Enter");
  await page.getByRole("gridcell", { name: "ATL" }).first().waitFor();
  await expect.poll(() => page.url()).toContain("p.origins=ATL");
  await expect.poll(() => page.url()).toContain("p.period.start=2001-01-01");
  await page.getByRole("tab", { name: "Details" }).click();
  await page.getByText("text[]").first().waitFor();
  await expectAccessible(page);
  await page.getByRole("tab", { name: "Table" }).click();

  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("dialog").getByRole("textbox").first().fill("Flights between airports");
  await page.getByRole("dialog").getByRole("button", { name: "Save" }).click();
  await page.waitForURL(/\/queries\/[0-9a-f-]{36}/);
  await field(page, "origins").getByText("Atlanta").waitFor();
  const link = new URL(page.url());
  link.searchParams.delete("run");
  shared = link.pathname + link.search;
});

test("rows are sorted as numbers and filtered by the server, and the address says how", async () => {
  const head = (name: string) => page.getByRole("columnheader", { name: new RegExp(`^${name}`) });
  await head("miles").click();
  await page.getByText(/^Sorted view of/).waitFor();
  await head("miles").click();
  await page.locator('[role="columnheader"][aria-sort="descending"]').waitFor();
  await page.getByText(/^Sorted view of/).waitFor();
  // The rows of the view before stand until those of this one have come.
  await expect
    .poll(async () => (await firstNumber(3)) - (await firstNumber(3, 3)))
    .toBeGreaterThan(0);
  const most = await firstNumber(3);
  await head("flights").getByRole("button").click({ force: true });
  await page.getByLabel("Condition").click();
  await page.getByRole("option", { name: "is more than" }).click();
  await page.getByLabel("Value", { exact: true }).fill("9");
  await page.getByRole("button", { name: "Filter", exact: true }).click();
  await page.getByText(/^Filtered and sorted view of/).waitFor();
  await expect.poll(() => firstNumber(2)).toBeGreaterThan(9);
  expect(await firstNumber(3)).toBeLessThanOrEqual(most);
  expect(new URL(page.url()).searchParams.get("sort")).toBe("3.desc");
  expect(new URL(page.url()).searchParams.get("filter")).toBe("2:gt:9");
  await ada.picture("parameters-2-view");
  await expectAccessible(page);
});

test("the columns' statistics are those of the result", async () => {
  await page.getByRole("tab", { name: "Columns" }).click();
  const card = page
    .getByRole("article")
    .filter({ has: page.getByRole("heading", { name: "origin" }) });
  await card.getByText("Different values").waitFor();
  await card.getByRole("button", { name: /ATL/ }).waitFor();
  await ada.picture("parameters-3-columns");
  await expectAccessible(page);
  await page.getByRole("tab", { name: "Table" }).click();
});

test("a download is verified by its rows and its SHA-256", async () => {
  await page.getByRole("button", { name: "Download" }).click();
  const saving = page.waitForEvent("download");
  await page.getByRole("menuitem", { name: "CSV, cells as they are" }).first().click();
  const file = await readFile(await (await saving).path());
  const note = page.getByLabel("Download", { exact: true }).filter({ hasText: "verified" });
  await note.waitFor();
  const sum = createHash("sha256").update(file).digest("hex");
  await note.getByTitle(new RegExp(`^${sum}`)).waitFor();
  expect(file.toString().split("\r\n")[0]).toBe("origin,destination,flights,miles");
});

test("a viewer opens the link, finds the same values, and runs it with others", async () => {
  await page.goto("/members?add=1");
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("E-mail").fill("vic@example.test");
  await dialog.getByLabel("Name").fill("Vic");
  await dialog.getByRole("button", { name: "Make the link" }).click();
  const link = await page.getByLabel("One-time link").inputValue();
  const vic = await openPage(browser, quern.url);
  await vic.page.goto(link);
  await vic.page.getByLabel("Password", { exact: true }).fill("long enough");
  await vic.page.getByRole("button", { name: "Set password and join" }).click();
  await vic.page.getByRole("heading", { name: "Home" }).waitFor();

  await vic.page.goto(shared);
  await field(vic.page, "origins").getByText("Atlanta").waitFor();
  await field(vic.page, "origins")
    .getByLabel(/^Origins/)
    .click();
  await vic.page.getByRole("option", { name: "Dallas" }).click();
  await vic.page.getByRole("option", { name: "Atlanta" }).click();
  await vic.page.keyboard.press("Escape");
  await vic.page.getByRole("button", { name: "Run", exact: true }).click();
  await vic.page.getByRole("gridcell", { name: "DFW" }).first().waitFor();
  await expect
    .poll(() =>
      vic.page
        .getByRole("gridcell", { name: "ATL" })
        .and(vic.page.locator('[aria-colindex="2"]'))
        .count(),
    )
    .toBe(0);
  await vic.page.getByRole("button", { name: "More for Origins" }).click();
  expect(await vic.page.getByRole("menuitem", { name: "Define…" }).count()).toBe(0);
  await vic.picture("parameters-4-viewer");
  expect(vic.complaints).toEqual([]);
  expect(ada.complaints).toEqual([]);
});
