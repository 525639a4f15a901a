/** Where things are kept and how they are found: folders, tags, stars, search, the palette, home and the tour. */
import type { Client } from "@quern/contract/client";
import { listDatasources } from "@quern/contract/datasources";
import { createFolder } from "@quern/contract/library";
import { createQuery, listQueries } from "@quern/contract/queries";
import { createRun } from "@quern/contract/runs";
import type { Browser, Locator, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { openBrowser, openPage, type Watched } from "./browser.ts";
import { expectAccessible, signIn } from "./page-steps.ts";
import { type Quern, signInClient, startQuern } from "./quern.ts";

const ADA = { email: "ada@example.test", password: "correct horse battery" };
const HOSTILE = `<img src=x onerror=alert(1)> "'${"w".repeat(150)}`;

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
  demo = items.find((each) => each.name.includes("Demo"))?.id ?? "";
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
    await ada.picture("library-failed");
    console.error(await ada.describe());
  });
});

const row = (name: string): Locator => page.getByRole("row").filter({ hasText: name });
const folder = (name: string): Locator => page.getByRole("treeitem").filter({ hasText: name });
const tour = (): Locator => page.getByRole("complementary", { name: "Tour" });

/** When the server has what is noted there: a page that goes away takes along what it was about to send. */
const kept = (path: string, said = "") =>
  page.waitForResponse((answer) => {
    const asked = answer.request();
    const says = (asked.postData() ?? "").includes(said);
    return asked.method() === "PUT" && says && answer.url().includes(path);
  });

async function find(words: string): Promise<void> {
  await page.getByRole("searchbox").fill(words);
  await expect.poll(() => new URL(page.url()).searchParams.get("search") ?? "").toBe(words);
}

test("a new person gets three ways in, and a tour that goes on by itself and is remembered", async () => {
  const begin = page.getByRole("region", { name: "Begin here" });
  await begin.getByRole("link", { name: /Ask the flights/ }).waitFor();
  expect(await begin.getByRole("link").count()).toBe(3);
  await expectAccessible(page);
  await begin.getByRole("button", { name: "Take the tour" }).click();
  await tour().getByRole("link", { name: "Open the question" }).click();
  await tour().getByRole("heading", { name: "Run it" }).waitFor();
  await page.getByRole("button", { name: "Run", exact: true }).waitFor();
  await page.locator(".monaco-editor").first().waitFor();
  await page.getByRole("button", { name: "Run", exact: true }).click();
  await tour().getByRole("heading", { name: "Save it" }).waitFor();
  await page.reload();
  await tour().getByRole("heading", { name: "Save it" }).waitFor();
  await ada.picture("library-1-tour");
  await Promise.all([
    kept("/api/v1/me/tour", '"ended":true'),
    tour().getByRole("button", { name: "Put the tour away" }).click(),
  ]);
  await page.goto("/");
  await page.getByRole("heading", { name: "Favourites" }).waitFor();
  expect(await tour().count()).toBe(0);
  await page.getByRole("button", { name: "Help" }).click();
  await page.getByRole("menuitem", { name: "Take the tour" }).click();
  await tour().getByRole("heading", { name: "Open a question" }).waitFor();
  await tour().getByRole("button", { name: "Put the tour away" }).click();
  await tour().waitFor({ state: "detached" });
});

test("queries are moved together, by keys and by dragging, and it can be taken back", async () => {
  const ops = await client.call(createFolder, { body: { name: "Operations" } });
  await client.call(createFolder, { body: { name: "Outages", parent_id: ops.id } });
  for (const name of ["Kestrel one", "Kestrel two", "Kestrel three", HOSTILE])
    await client.call(createQuery, {
      body: {
        name,
        datasource_id: demo,
        sql: `select 'nest of ${name.slice(0, 20).replaceAll("'", "")}' as egg`,
      },
    });
  await page.goto("/queries");
  await row("Kestrel three").waitFor();
  await expectAccessible(page);
  await find("kestrel");
  // What is selected together lies between two rows: of the list that was asked for.
  await expect.poll(() => page.locator("tr[data-index]").count()).toBe(3);
  await page.getByRole("checkbox", { name: "Select Kestrel one" }).click();
  await page
    .getByRole("checkbox", { name: "Select Kestrel three" })
    .click({ modifiers: ["Shift"] });
  await page.getByText("3 selected").waitFor();
  await page.keyboard.press("m");
  await page.getByRole("dialog").getByRole("button", { name: "Operations / Outages" }).click();
  await page.getByText("3 queries moved to “Outages”", { exact: true }).first().waitFor();
  await expect.poll(() => folder("Operations").textContent()).toContain("3");
  await page.getByRole("button", { name: "Undo" }).click();
  await expect.poll(() => folder("Operations").textContent()).toContain("0");

  await row("Kestrel two").dragTo(folder("Operations"));
  await page.getByText("1 query moved to “Operations”", { exact: true }).first().waitFor();
  await folder("Operations").click();
  await find("");
  await expect.poll(() => page.locator("tr[data-index]").count()).toBe(1);
  await page.getByRole("tree").focus();
  await page.keyboard.press("n");
  await page.getByLabel("Name", { exact: true }).fill("Nights");
  await page.keyboard.press("Enter");
  await page.getByText("Nothing is in this folder").waitFor();
  await ada.picture("library-2-folders");
});

test("tags and stars are shown where they belong", async () => {
  await page.goto("/queries?search=kestrel");
  await page.getByRole("checkbox", { name: "Select Kestrel one" }).click();
  await page.keyboard.press("t");
  await page.getByRole("textbox", { name: /Find a tag/ }).fill("birds");
  await page.keyboard.press("Enter");
  await expectAccessible(page);
  await page.getByRole("button", { name: "Save tags" }).click();
  await row("Kestrel one").getByRole("button", { name: "Only those tagged birds" }).click();
  await expect.poll(() => page.locator("tr[data-index]").count()).toBe(1);
  await page.getByRole("button", { name: "Make “Kestrel one” a favourite" }).click();
  const shelf = page
    .getByRole("navigation", { name: "Main" })
    .getByRole("region", { name: "Favourites" });
  await shelf.getByRole("link", { name: "Kestrel one" }).waitFor();
  await page.getByRole("button", { name: "Take “Kestrel one” out of the favourites" }).click();
  await shelf.waitFor({ state: "detached" });
});

test("several are deleted at once and brought back", async () => {
  await page.goto("/queries?search=kestrel");
  await row("Kestrel two").waitFor();
  await page.getByRole("checkbox", { name: "Select all that are listed" }).click();
  await page
    .getByRole("region", { name: "Selected" })
    .getByRole("button", { name: "Delete" })
    .click();
  await page.getByText("No query fits").waitFor();
  await page.getByRole("button", { name: "Undo" }).click();
  await row("Kestrel two").waitFor();
  expect((await client.call(listQueries, { query: { search: "kestrel" } })).items).toHaveLength(3);
});

test("the palette and the search page find SQL, tables and columns, and say where", async () => {
  await page.keyboard.press("ControlOrMeta+k");
  await page
    .getByRole("dialog")
    .getByRole("combobox")
    .or(page.getByPlaceholder(/^Find queries/))
    .first()
    .fill("nest of kestrel two");
  await page.getByRole("option", { name: /Kestrel two/ }).waitFor();
  await expectAccessible(page);
  await ada.picture("library-3-palette");
  await page.getByPlaceholder(/^Find queries/).fill("flights.destin");
  await page
    .getByRole("option", { name: /destination/ })
    .first()
    .waitFor();
  await page.getByPlaceholder(/^Find queries/).fill("onerror");
  await page.getByRole("option", { name: /All results for “onerror”/ }).click();
  await page.getByRole("link", { name: /<img src=x onerror/ }).waitFor();
  await page.getByRole("button", { name: "Tables" }).click();
  await page.getByText("Nothing has “onerror” in it").waitFor();
  await expectAccessible(page);
});

test("home shows what runs and what failed as it happens, and what was open lately", async () => {
  await page.goto("/queries?search=kestrel");
  await Promise.all([
    kept("/api/v1/recent/query/"),
    row("Kestrel three")
      .getByRole("link", { name: /Kestrel three/ })
      .click(),
  ]);
  await page.locator(".monaco-editor").first().waitFor();
  await page.keyboard.press("Escape");
  await page.goto("/");
  const recent = page.getByRole("region", { name: "Recent", exact: true });
  await expect.poll(() => recent.getByRole("link").nth(1).textContent()).toBe("Kestrel three");
  const run = (sql: string) => client.call(createRun, { body: { datasource_id: demo, sql } });
  await run("select pg_sleep(60)");
  const running = page.getByRole("region", { name: "Running now" });
  await running.getByRole("link", { name: /pg_sleep/ }).waitFor();
  await page.getByText(/1 of \d+ slots busy/).waitFor();
  await running.getByRole("button", { name: /^Cancel select pg_sleep/ }).click();
  await running.getByRole("link", { name: /pg_sleep/ }).waitFor({ state: "detached" });
  await run("select no_such_bird");
  await page
    .getByRole("region", { name: "Recent failures" })
    .getByText("no_such_bird")
    .first()
    .waitFor();
  await expectAccessible(page);
  await page.setViewportSize({ width: 390, height: 844 });
  await expectAccessible(page);
  await ada.picture("library-4-home-narrow");
  await page.goto("/queries");
  await page.getByRole("button", { name: "Folders" }).click();
  await page.getByRole("dialog").getByRole("treeitem").filter({ hasText: "Operations" }).click();
  await row("Kestrel two").waitFor();
  await expectAccessible(page);
  await ada.picture("library-5-queries-narrow");
  await page.keyboard.press("?");
  await page.getByRole("dialog").getByText("Move what is selected to a folder").waitFor();
  expect(ada.complaints).toEqual([]);
});
