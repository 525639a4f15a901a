/** The editor as somebody uses it who writes SQL all day: completion, faults, formatting, tabs, drafts, versions, snippets. */
import type { Client } from "@quern/contract/client";
import { listDatasources } from "@quern/contract/datasources";
import { changeQuery, createQuery, listQueryVersions } from "@quern/contract/queries";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { openBrowser, openPage, type Watched } from "./browser.ts";
import { expectAccessible, signIn, writeSql } from "./page-steps.ts";
import { type Quern, signInClient, startQuern } from "./quern.ts";

const ADA = { email: "ada@example.test", password: "correct horse battery" };

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
  demo = (await client.call(listDatasources, {})).items[0]!.id;
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
    await ada.picture("failed");
    console.error(await ada.describe());
  });
});

const suggestion = (of: Page, text: string | RegExp) =>
  of.locator(".suggest-widget .monaco-list-row").filter({ hasText: text }).first();
/** The text of the editor, which Monaco writes with other blanks. */
async function textOf(of: Page): Promise<string> {
  const lines = of.locator(".monaco-editor .view-line");
  const placed = await lines.evaluateAll((all) =>
    all
      .map((line) => ({
        top: Number(/top:\s*(\d+)/.exec(line.getAttribute("style") ?? "")?.[1] ?? 0),
        text: line.textContent ?? "",
      }))
      .sort((a, b) => a.top - b.top)
      .map(({ text }) => text),
  );
  return placed.join("\n").replaceAll("\u00a0", " ");
}
/** Replaces the text; a list of suggestions that is open is closed first. */
async function write(of: Page, sql: string): Promise<void> {
  if (await of.locator(".suggest-widget.visible").count()) await of.keyboard.press("Escape");
  await writeSql(of, sql);
}
async function newQuery(of: Page): Promise<void> {
  await of.goto("/queries/new");
  await of.locator(".monaco-editor").first().click();
  await of.locator(".monaco-editor.focused").first().waitFor();
  await of.getByRole("treeitem", { name: /ohub/ }).first().waitFor();
}

/** Without a pause all keys come before the first list of suggestions, which nobody types like. */
const AS_PEOPLE_TYPE = { delay: 20 };

test("tables, columns, joins and signatures are offered while one types", async () => {
  await newQuery(page);
  await page.keyboard.type("select  from ohub.outages", AS_PEOPLE_TYPE);
  await suggestion(page, /^outages/).waitFor();
  await page.keyboard.press("Enter");
  await page.keyboard.type(" o join ohub.utilities u on ", AS_PEOPLE_TYPE);
  await suggestion(page, "u.id = o.utility_id").waitFor();
  await page.keyboard.press("Enter");
  await page.keyboard.press("ControlOrMeta+Home");
  for (let at = 0; at < "select ".length; at += 1) await page.keyboard.press("ArrowRight");
  await page.keyboard.type("o.prov", AS_PEOPLE_TYPE);
  await suggestion(page, "province").waitFor();
  await page.keyboard.press("Enter");
  await page.keyboard.type(", date_tr", AS_PEOPLE_TYPE);
  await suggestion(page, "date_trunc").waitFor();
  await page.keyboard.press("Enter");
  await page.locator(".parameter-hints-widget.visible").getByText("source").first().waitFor();
  await page.keyboard.type("'day', o.started_at");
  await page.keyboard.press("Escape");
  // A long line is broken where the editor ends.
  await expect
    .poll(async () => (await textOf(page)).replace(/\s+/g, " "))
    .toBe(
      "select o.province, date_trunc('day', o.started_at) from ohub.outages o join ohub.utilities u on u.id = o.utility_id",
    );
});

test("a name tells what it is", async () => {
  await page.locator(".view-line").getByText("province").first().hover();
  const hover = page.locator(".monaco-hover").filter({ hasText: "Column of outages" });
  await hover.first().waitFor();
});

test("faults are underlined before anything runs, each statement for itself, and formatting leaves the words alone", async () => {
  await write(page, "selec 1; select {{ a }}, '🦆' from flights.flights wher 1; select 3");
  await page.locator(".squiggly-error").nth(1).waitFor();
  await expect.poll(() => page.locator(".squiggly-error").count()).toBe(2);
  await write(
    page,
    "select 1 as one from flights.airports where iata = {{ a }} [[ and city = {{ b }} ]] limit 1; select 2 as two, 3",
  );
  await page.locator(".squiggly-error").first().waitFor({ state: "detached" });
  await page.keyboard.press("ControlOrMeta+Shift+F");
  await page.locator(".view-line").getByText("limit").waitFor();
  await expect
    .poll(() => textOf(page))
    .toContain("\n  iata = {{ a }}\n  [[and city = {{ b }} ]]\n");
  await expectAccessible(page);
});

test("WebAssembly is for the parser's worker alone", async () => {
  const [home, assets] = [await page.request.get("/queries/new"), page.request];
  expect(home.headers()["content-security-policy"]).not.toContain("wasm");
  const scripts = await page.evaluate(() =>
    performance.getEntriesByType("resource").map(({ name }) => name),
  );
  const workers = scripts.filter((name) => /worker-[\w-]+\.js$/.test(name));
  const allowed: string[] = [];
  for (const worker of workers) {
    const policy = (await assets.get(worker)).headers()["content-security-policy"] ?? "";
    if (policy.includes("wasm")) allowed.push(new URL(worker).pathname.replace(/-[\w-]+\.js$/, ""));
  }
  expect(allowed.every((path) => path === "/assets/parse")).toBe(true);
  expect(ada.complaints).toEqual([]);
});

test("the statement at the cursor runs alone; all of them give a tab each; explain shows a plan", async () => {
  await write(page, "select 11 as eleven;\n\nselect 22 as twenty_two from flights.flights limit 3");
  await page.keyboard.press("ControlOrMeta+Shift+Enter");
  await page.getByRole("columnheader", { name: "twenty_two" }).waitFor();
  expect(await page.getByRole("tablist", { name: "Statements" }).count()).toBe(0);
  await page.keyboard.press("ControlOrMeta+Enter");
  await page.getByRole("tablist", { name: "Statements" }).getByRole("tab").nth(1).waitFor();
  await page.getByRole("tablist", { name: "Statements" }).getByRole("tab").first().click();
  await page.getByRole("columnheader", { name: "eleven" }).waitFor();
  await page.getByRole("button", { name: "Explain", exact: true }).click();
  await page.getByText("Seq Scan").first().waitFor();
});

test("what was typed when the tab closed is in another browser of the same person", async () => {
  await newQuery(page);
  await page.keyboard.type("select 'typed in the last moment' as kept, 'and ");
  await page.keyboard.type("closed'");
  // To the page, leaving is the same as closing; but a browser on a busy machine may kill a closed tab before it can tell.
  await page.goto("about:blank");
  await expect
    .poll(async () => (await page.request.get(`${quern.url}/api/v1/drafts`)).text())
    .toContain("and closed'");
  await page.close();
  const other = await openPage(browser, quern.url);
  await signIn(other.page, ADA);
  await other.page.goto("/queries");
  await other.page
    .getByRole("region", { name: "Drafts" })
    .getByText("select 'typed in the last moment'")
    .click();
  await other.page.locator(".monaco-editor").getByText("closed").first().waitFor();
  const tabs = other.page.getByRole("navigation", { name: "Open queries" });
  await expect.poll(() => tabs.getByRole("listitem").count()).toBeGreaterThan(1);
  await expectAccessible(other.page);
  expect(other.complaints).toEqual([]);
  ada = other;
  page = other.page;
});

test("a draft that two devices changed is kept from both", async () => {
  const query = await client.call(createQuery, {
    body: { name: "Two desks", datasource_id: demo, sql: "select 0" },
  });
  const other = await openPage(browser, quern.url);
  await signIn(other.page, ADA);
  for (const each of [page, other.page]) {
    await each.goto(`/queries/${query.id}`);
    await each.locator(".monaco-editor").getByText("select").first().waitFor();
    // A window that was never heard of before the other one wrote goes on with what that wrote.
    await expect
      .poll(async () => (await each.request.get(`/api/v1/drafts/${query.id}`)).status())
      .toBe(200);
  }
  await write(other.page, "select 'from the other desk'");
  await other.page.getByText("not saved").first().waitFor({ state: "attached" });
  await expect
    .poll(async () => (await other.page.request.get(`/api/v1/drafts/${query.id}`)).text())
    .toContain("other desk");
  await write(page, "select 'from this desk'");
  await page.getByText("This draft was also changed in").waitFor();
  await page.getByRole("link", { name: "Open the other text" }).click();
  await page.locator(".monaco-editor").getByText("other desk").first().waitFor();
  await other.page.context().close();
});

test("versions are compared side by side and restored as a new one", async () => {
  const { id } = await client.call(createQuery, {
    body: { name: "Versioned", datasource_id: demo, sql: "select 1 as first" },
  });
  await client.call(changeQuery, {
    params: { id },
    body: { version: 1, sql: "select 2 as second", name: "Versioned twice" },
  });
  await page.goto(`/queries/${id}`);
  await page.getByRole("button", { name: "Versions" }).click();
  const drawer = page.getByRole("dialog", { name: "Versions" });
  await drawer.locator(".monaco-diff-editor .line-insert").first().waitFor();
  await drawer.getByText("Versioned twice").waitFor();
  await expectAccessible(page);
  await ada.picture("versions");
  await drawer.getByRole("button", { name: /v1/ }).click();
  await drawer.getByRole("button", { name: "Restore as v3" }).click();
  const versions = async () => {
    const { items } = await client.call(listQueryVersions, { params: { id } });
    return items.map(({ version, sql }) => [version, sql]);
  };
  await expect.poll(versions, { timeout: 10_000 }).toEqual([
    [3, "select 1 as first"],
    [2, "select 2 as second"],
    [1, "select 1 as first"],
  ]);
});

test("a query is duplicated as one's own; a snippet is kept and inserted by its word", async () => {
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "More for this query" }).click();
  await page.getByRole("menuitem", { name: "Duplicate as mine" }).click();
  await expect
    .poll(() => page.getByLabel("Name of the query").inputValue())
    .toBe("Copy of Versioned");
  await page.getByRole("button", { name: "More for this query" }).click();
  await page.getByRole("menuitem", { name: "Snippets" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "New snippet" }).click();
  await dialog.getByLabel("Name").fill("Busiest airports");
  await dialog.getByLabel("Word").fill("busiest");
  await dialog
    .getByLabel("SQL")
    // biome-ignore lint/suspicious/noTemplateCurlyInString: places to fill in
    .fill("select origin, count(*) from flights.flights group by 1 limit ${1:ten}");
  await dialog.getByRole("button", { name: "Save" }).click();
  await dialog.getByText("busiest", { exact: true }).waitFor();
  await expectAccessible(page);
  await page.keyboard.press("Escape");
  await write(page, "");
  await page.keyboard.type("busi", AS_PEOPLE_TYPE);
  await suggestion(page, "Busiest airports").waitFor();
  await page.keyboard.press("Enter");
  await page.keyboard.type("10");
  await expect
    .poll(() => textOf(page))
    .toBe("select origin, count(*) from flights.flights group by 1 limit 10");
  expect(ada.complaints).toEqual([]);
});
