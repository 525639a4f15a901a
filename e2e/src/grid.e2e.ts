/** Rows and the schema, as a person reads them: keys, columns, copying, cells, and a tree to find tables in. */
import type { Client } from "@quern/contract/client";
import { listDatasources } from "@quern/contract/datasources";
import { createRun, readRun } from "@quern/contract/runs";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { openBrowser, openPage, type Watched } from "./browser.ts";
import { expectAccessible, signIn } from "./page-steps.ts";
import { type Quern, signInClient, startQuern } from "./quern.ts";

const ADA = { email: "ada@example.test", password: "correct horse battery" };
const HOSTILE = "<img src=x onerror=alert(1)>";
const ROWS = `select n as id, 'name ' || n as name, (n * 7 % 100) as score, 9007199254740993 + n as big,
  jsonb_build_object('list', jsonb_build_array(n, 1.10), 'odd key', 'v' || n) as doc, null::text as "null",
  '${HOSTILE} שלום 🎈' as "${HOSTILE}", 2 as "id"
from generate_series(1, 20000) n`;

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
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await signIn(page, ADA);
});
afterAll(async () => {
  await browser?.close();
  await quern?.[Symbol.asyncDispose]();
});

beforeEach(({ onTestFailed }) => {
  onTestFailed(async () => {
    await ada.picture("grid-failed");
    console.error(await ada.describe());
  });
});

async function ran(sql: string): Promise<string> {
  const { id } = await client.call(createRun, { body: { datasource_id: demo, sql } });
  const run = await client.call(readRun, { params: { id }, query: { wait: 20 } });
  expect(run.status).toBe("succeeded");
  return id;
}
const clipboard = () => page.evaluate("navigator.clipboard.readText()") as Promise<string>;
const cell = (name: string) => page.getByRole("gridcell", { name, exact: true });
const heads = async () => {
  const all = await page.getByRole("columnheader").allInnerTexts();
  return all.slice(1).map((text) => text.split("\n")[0]?.trim());
};
/** The words of the cell that the keyboard is at. */
const focused = () =>
  page.evaluate(
    "document.getElementById(document.querySelector('[role=grid]').getAttribute('aria-activedescendant'))?.textContent.trim()",
  );

test("keys lead through the grid, and copy what is selected, exactly", async () => {
  let letEditorCome = () => {};
  const held = new Promise<void>((resolve) => {
    letEditorCome = resolve;
  });
  await page.route("**/assets/SqlEditor-*.js", async (route) => {
    await held;
    await route.continue();
  });
  await page.goto(`/queries/new?datasource=${demo}&run=${await ran(ROWS)}`);
  await cell("name 3").click();
  await page.keyboard.press("ArrowDown");
  expect(await focused()).toBe("name 4");
  // The editor comes only now, and leaves the keyboard to the grid.
  letEditorCome();
  await page.locator(".monaco-editor .view-lines").first().waitFor();
  await page.unroute("**/assets/SqlEditor-*.js");
  await page.keyboard.press("ControlOrMeta+End");
  await expect.poll(focused).toBe("2");
  await page.keyboard.press("Home");
  await expect.poll(focused).toBe("20000");
  await page.keyboard.press("ControlOrMeta+Home");
  await expect.poll(focused).toBe("1");
  await page.keyboard.press("Shift+ArrowDown");
  for (let column = 1; column < 4; column += 1) await page.keyboard.press("Shift+ArrowRight");
  await page.keyboard.press("ControlOrMeta+Shift+C");
  await page.getByText("Copied 8 cells").waitFor();
  expect(await clipboard()).toBe(
    "id\tname\tscore\tbig\n1\tname 1\t7\t9007199254740994\n2\tname 2\t14\t9007199254740995",
  );
  await cell("name 2").click({ button: "right" });
  await page.getByRole("menuitem", { name: "Copy as" }).click();
  await page.getByRole("menuitem", { name: "SQL values" }).click();
  await expect.poll(clipboard).toContain("  (1, 'name 1', 7, (9007199254740994)::bigint),");
});

test("columns are pinned, hidden and moved, and stay so", async () => {
  await cell("7").first().click();
  await page.keyboard.press("Alt+ArrowDown");
  await page.getByRole("button", { name: "Pin", exact: true }).click();
  await expect.poll(async () => (await heads())[0]).toBe("score");
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Columns", exact: true }).click();
  await page.getByRole("button", { name: "Show big" }).click();
  await page.getByRole("button", { name: "Move name with the arrow keys" }).focus();
  await page.keyboard.press("ArrowUp");
  await expectAccessible(page);
  await page.keyboard.press("Escape");
  const arranged = ["score", "name", "id", "doc", "null"];
  await expect.poll(async () => (await heads()).slice(0, 5)).toEqual(arranged);
  await page.reload();
  await cell("name 1").waitFor();
  await expect.poll(async () => (await heads()).slice(0, 5)).toEqual(arranged);
  await ada.picture("grid-arranged");
});

test("a cell and a row are looked at beside the grid", async () => {
  await page.getByRole("gridcell", { name: /"odd key": "v2"/ }).click();
  await page.keyboard.press("Enter");
  const tree = page.getByRole("tree", { name: "JSON of the cell" });
  await tree.getByRole("treeitem", { name: /odd key/ }).click();
  await page.getByRole("button", { name: "Copy path" }).click();
  await expect.poll(clipboard).toBe('$["odd key"]');
  await tree.getByText("1.10").waitFor();
  await page.getByLabel("Find in the cell").fill("v2");
  await expect.poll(() => tree.getByRole("treeitem").count()).toBe(2);
  await expectAccessible(page);
  await ada.picture("grid-cell");
  await page.getByRole("button", { name: "The whole row" }).click();
  await page.getByRole("button", { name: "Next row" }).click();
  await page.getByLabel("Values of the row").getByText("9007199254740996").waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("complementary", { name: "Row" }).waitFor({ state: "detached" });
  expect(ada.complaints).toEqual([]);
});

test("1,600 columns: only what is seen is drawn", async () => {
  const columns = Array.from({ length: 1_600 }, (_, at) => `${at} as c${at}`).join();
  await page.goto(`/runs/${await ran(`select ${columns}`)}`);
  await cell("0").first().click();
  expect(await page.getByRole("columnheader").count()).toBeLessThan(60);
  await page.keyboard.press("End");
  await cell("1599").waitFor();
});

test("the schema is searched, read anew, and previews a table", async () => {
  await page.goto(`/queries/new?datasource=${demo}`);
  const tree = page.getByRole("tree", { name: "Tables and columns" });
  await page.getByLabel("Find a table or column").fill("iata");
  await tree.getByRole("treeitem", { name: /^iata/ }).waitFor();
  expect(await tree.getByRole("treeitem", { name: /^fills/ }).count()).toBe(0);
  await page.getByLabel("Find a table or column").fill("airports");
  await tree.getByRole("treeitem", { name: /^airports/ }).click();
  await expectAccessible(page);
  await tree.focus();
  await page.keyboard.press("Shift+Enter");
  await page.getByText("100 rows", { exact: true }).waitFor();
  await ada.picture("grid-schema");
  await page.getByRole("button", { name: "Read the schema anew" }).click();
  await page.getByText(/^Read (now|\d+ s ago)$/).waitFor();
  expect(ada.complaints).toEqual([]);
});

test("on a phone, a row is a list of names and values", async () => {
  const phone = await openPage(browser, quern.url, {
    width: 390,
    height: 844,
    colorScheme: "dark",
  });
  await signIn(phone.page, ADA);
  await phone.page.goto(`/runs/${await ran(ROWS)}`);
  await phone.page.getByRole("gridcell", { name: "name 2", exact: true }).dblclick();
  await phone.page.getByRole("button", { name: "The whole row" }).click();
  await phone.page.getByLabel("Values of the row").getByText(HOSTILE).first().waitFor();
  await expectAccessible(phone.page);
  await phone.picture("grid-phone");
  expect(phone.complaints).toEqual([]);
});
