/** Health as a person walks through it: from no database at all to what a query costs. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Client } from "@quern/contract/client";
import { listDatasources } from "@quern/contract/datasources";
import { createQuery } from "@quern/contract/queries";
import { createRun } from "@quern/contract/runs";
import { type History, makeHistory } from "@quern/health/testing-history";
import { type Database, openDatabase } from "@quern/store/db";
import { sql } from "kysely";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { openBrowser, openPage, type Watched } from "./browser.ts";
import { expectAccessible, signIn } from "./page-steps.ts";
import { type Quern, signInClient, startQuern } from "./quern.ts";

const ADA = { email: "ada@example.test", password: "correct horse battery" };

let quern: Quern;
let browser: Browser;
let ada: Watched;
let page: Page;
let client: Client;
let db: Database;
let history: History;

beforeAll(async () => {
  [quern, browser] = await Promise.all([
    startQuern({ QUERN_ADMIN_EMAIL: ADA.email, QUERN_ADMIN_PASSWORD: ADA.password }),
    openBrowser(),
  ]);
  db = openDatabase(await readFile(join(quern.dataDir, "secrets", "database.url"), "utf8"));
  client = await signInClient(quern.url, ADA.email, ADA.password);
  ada = await openPage(browser, quern.url);
  page = ada.page;
  await signIn(page, ADA);
});
afterAll(async () => {
  await browser?.close();
  await db?.destroy();
  await quern?.[Symbol.asyncDispose]();
});
beforeEach(({ onTestFailed }) => {
  onTestFailed(async () => {
    await ada.picture("health-failed");
    console.error(await ada.describe());
  });
});

const address = () => new URL(page.url());

test("where nothing is watched, the fleet leads to an agent and the commands that start it", async () => {
  await page.goto("/databases");
  await page.getByText("No database is watched yet").waitFor();
  await expectAccessible(page);
  await page.getByRole("button", { name: "Make an agent" }).click();
  await page.getByRole("dialog").getByLabel("Name").fill("db1");
  await page.keyboard.press("Enter");
  const script = page.getByRole("group", { name: "Script that starts the agent" });
  expect(await script.textContent()).toContain("--test-connection && node quern-agent.mjs");
  await page.getByRole("button", { name: "I have it" }).click();
  await page.getByRole("heading", { name: "db1" }).waitFor();
});

test("the fleet is found, ordered and narrowed by its address", async () => {
  const { rows } = await sql<{ id: string }>`select id from orgs`.execute(db);
  history = await makeHistory(db, rows[0]!.id, { databases: 2, days: 1, statements: 30 });
  await page.goto("/databases?sort=name");
  const rowsOf = page.getByRole("table", { name: "Databases" }).locator("a[data-row]");
  await expect.poll(() => rowsOf.allInnerTexts()).toEqual(["shop", "shop_archive"]);
  await page.getByRole("button", { name: "Database", exact: true }).click();
  await expect.poll(() => rowsOf.allInnerTexts()).toEqual(["shop_archive", "shop"]);
  await page.getByLabel("Find databases").fill("arch");
  await expect.poll(() => rowsOf.allInnerTexts()).toEqual(["shop_archive"]);
  expect(Object.fromEntries(address().searchParams)).toEqual({ sort: "-name", q: "arch" });
  await expectAccessible(page);
});

test("a range is chosen by name or on a chart, stays from tab to tab, and goes back", async () => {
  const [shop] = history.database_ids;
  await page.goto(`/databases/${shop}`);
  await page.getByRole("heading", { name: "What watching costs" }).waitFor();
  await expectAccessible(page);
  await Promise.all([
    page.waitForResponse((answer) => answer.url().includes("/overview?")),
    page.getByRole("button", { name: "6 h", exact: true }).click(),
  ]);
  await expect.poll(() => address().search).toBe("?range=6h");
  await expect.poll(() => page.locator('main [aria-busy="true"]').count()).toBe(0);
  const drawing = page.getByRole("figure", { name: /^Load/ }).locator("canvas").first();
  await drawing.scrollIntoViewIfNeeded();
  const { x, y, width, height } = (await drawing.boundingBox())!;
  await page.mouse.move(x + width * 0.4, y + height / 2);
  await page.mouse.down();
  await page.mouse.move(x + width * 0.6, y + height / 2, { steps: 4 });
  await page.mouse.up();
  await expect.poll(() => address().searchParams.get("from")).not.toBeNull();
  const chosen = address().searchParams;
  const long_ms = Date.parse(chosen.get("to")!) - Date.parse(chosen.get("from")!);
  expect(long_ms / 3_600_000).toBeGreaterThan(0.9);
  expect(long_ms / 3_600_000).toBeLessThan(1.7);
  await page.getByRole("link", { name: "Statements", exact: true }).click();
  await expect.poll(() => address().pathname).toBe(`/databases/${shop}/statements`);
  expect(address().searchParams.get("from")).toBe(chosen.get("from"));
  await page.goBack();
  await page.goBack();
  await expect.poll(() => address().search).toBe("?range=6h");
  await page.getByRole("button", { name: "Compare with last week" }).click();
  await expect.poll(() => address().search).toBe("?range=6h&compare=week");
  await expect.poll(() => page.locator('main [aria-busy="true"]').count()).toBe(0);
});

test("sessions of any moment say who holds whom up, and what would end it", async () => {
  const [shop] = history.database_ids;
  await page.goto(`/databases/${shop}/sessions?range=1h`);
  const tree = page.getByRole("article").filter({ hasText: "alter table, process 4102" });
  await tree.getByText(/^AccessExclusiveLock on public.orders/).waitFor();
  await expectAccessible(page);
  const scrubber = page.getByRole("slider", { name: /^Time of the sample/ });
  await scrubber.press("ArrowLeft");
  await expect.poll(() => address().searchParams.get("at")).not.toBeNull();
  const at = address().searchParams.get("at")!;
  await page.getByText("As of", { exact: true }).waitFor();
  await scrubber.press("ArrowLeft");
  await expect
    .poll(() => Date.parse(at) - Date.parse(address().searchParams.get("at")!))
    .toBe(10_000);
  await tree.getByRole("button", { name: "End process 4101" }).click();
  const statement = page.getByRole("dialog").getByRole("group").nth(1);
  expect(await statement.textContent()).toContain("pg_terminate_backend(pid)");
  await page.keyboard.press("Escape");
  await scrubber.press("End");
  await expect.poll(() => address().searchParams.get("at")).toBeNull();
  await page.getByRole("button", { name: /^Waiting for a lock/ }).click();
  const sessions = page.getByRole("table", { name: "Sessions" }).getByRole("row");
  await expect.poll(() => sessions.count()).toBe(4);
  await page.getByRole("link", { name: "Vacuum", exact: true }).click();
  const holder = page.getByRole("listitem").filter({ hasText: "Session 4101" });
  await holder.getByRole("button", { name: "What to do" }).click();
  await holder.getByText("select pg_terminate_backend(4101);").waitFor();
});

test("what changed of settings and schema is told, and a deploy is marked beside it", async () => {
  const [shop] = history.database_ids;
  await page.goto(`/databases/${shop}/settings?only=changed`);
  await page.getByRole("button", { name: "Compare two times" }).click();
  const compared = page.getByRole("table", { name: "Settings at two times" });
  await expect.poll(() => compared.getByRole("row").last().textContent()).toMatch(/4 MiB\s*16 MiB/);
  await page.getByRole("link", { name: "Schema", exact: true }).click();
  await page.getByRole("button", { name: "Compare with the version before" }).click();
  const orders = page.getByRole("article", { name: "public.orders" });
  await orders.getByText("note", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Side by side" }).click();
  await orders.getByRole("cell", { name: /note text/ }).waitFor();
  await expectAccessible(page);
  await page.getByRole("link", { name: "Events", exact: true }).click();
  await page.getByRole("button", { name: "Mark a deploy" }).first().click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("What was deployed").fill("shop 4.13");
  await page.keyboard.press("Enter");
  await page.getByText("shop 4.13", { exact: true }).waitFor();
  await page.getByRole("button", { name: /^Deploy/ }).click();
  await expect.poll(() => page.getByText("work_mem: 4 MiB became 16 MiB").count()).toBe(0);
  await expect.poll(() => address().searchParams.get("type")).toBe("deploy");
});

test("a linked datasource and its queries say what they cost", async () => {
  const shop = history.database_ids[0]!;
  const demo = (await client.call(listDatasources, {})).items.find(({ name }) =>
    name.includes("Demo"),
  )!;
  const body = { name: "Orders of a job", datasource_id: demo.id, sql: "select 1" };
  const query = await client.call(createQuery, { body });
  const run = await client.call(createRun, { body: { query_id: query.id } });
  await sql`
    update health_statements set run_id = ${run.id} where database_id = ${shop}
      and id = (select min(id) from health_statements where database_id = ${shop})`.execute(db);
  await page.goto(`/databases/${shop}`);
  await page.getByRole("button", { name: "Link it" }).click();
  await page.getByRole("dialog").getByLabel("Datasource").click();
  await page.getByRole("option", { name: demo.name }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Link it" }).click();
  await page.getByRole("main").getByRole("link", { name: demo.name }).click();
  const health = page.getByRole("region", { name: "Health" });
  await health.getByText(/^Runs of Quern cost .+ of its load/).waitFor();
  await expectAccessible(page);
  await page.goto(`/queries/${query.id}`);
  await page.getByRole("button", { name: /^This query costs .+ of the load/ }).click();
  await page.getByRole("dialog").getByRole("listitem").getByRole("link").click();
  await expect.poll(() => address().pathname).toMatch(/\/databases\/[0-9a-f-]+\/statements\/\d+$/);
});

test("from the dearest statement to its plans, its table, an index and the editor", async () => {
  const shop = history.database_ids[0]!;
  const step = (name: string) => ({
    ...{ "Node Type": name, "Relation Name": "orders", "Total Cost": 9, "Plan Rows": 1 },
  });
  for (const [place, name] of ["Index Only Scan", "Seq Scan"].entries())
    await sql`
      insert into health_plans (database_id, statement_id, plan_hash, plan, total_cost, first_seen_at, last_seen_at)
      select database_id, id, ${name}, ${JSON.stringify(step(name))}::jsonb, 9, now(), now() - ${place} * interval '1 hour'
      from health_statements where database_id = ${shop} and query like 'select count(*) from orders %'`.execute(
      db,
    );
  await page.goto(`/databases/${shop}/statements?order=calls`);
  const list = page.getByRole("table", { name: "Statements" });
  await list.getByText("All others, beyond the agent’s limit").waitFor();
  const head = (name: string) => list.getByRole("columnheader", { name });
  expect(await head("Calls").getAttribute("aria-sort")).toBe("descending");
  await head("Mean").getByRole("button").click();
  await expect.poll(() => address().searchParams.get("order")).toBe("mean");
  await expectAccessible(page);
  await page.keyboard.press("/");
  await page.keyboard.insertText("count(*) from orders ");
  await expect.poll(() => list.locator("a[data-row]").count()).toBe(1);
  await page.getByRole("button", { name: "Filter", exact: true }).focus();
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await page.getByRole("figure", { name: "Calls", exact: true }).waitFor();
  await page.getByRole("button", { name: "Beside each other" }).click();
  await expect.poll(() => page.getByRole("tree").count()).toBe(2);
  await page.getByRole("img", { name: "only in this plan" }).nth(1).waitFor();
  await expectAccessible(page);
  await page.getByRole("link", { name: "Open in the editor" }).click();
  await page.locator(".monaco-editor").getByText("p1").first().waitFor();
  await page.goBack();
  await page.getByRole("link", { name: "public.orders", exact: true }).click();
  const indexes = page.getByRole("region", { name: "Indexes" });
  await indexes.getByText("orders_created_at").first().click();
  await indexes.getByText("CREATE INDEX orders_created_at", { exact: false }).waitFor();
  await expectAccessible(page);
  await page.goto(`/databases/${shop}/indexes?only=unused`);
  await page.getByText("13 indexes", { exact: true }).waitFor();
  await expectAccessible(page);
  await page.getByRole("link", { name: "Tables", exact: true }).click();
  await page.getByRole("table", { name: "Tables" }).getByText("Locked").waitFor();
  await expectAccessible(page);
});

test("a finding is put aside with a reason and brought back, and every rule says how it stands", async () => {
  const [shop] = history.database_ids;
  await page.goto(`/databases/${shop}/advisors`);
  await page.getByRole("button", { name: "Evaluate now" }).click();
  await page.getByText("Evaluating…").waitFor();
  await page.getByText("Last evaluated").waitFor();
  await page.getByRole("button", { name: /^No permission/ }).click();
  await page.getByRole("button", { name: /Index of a column that is mostly null/ }).click();
  await page.getByText("The agent's role may not read statistics of columns.").waitFor();
  await expectAccessible(page);
  await page.goto(`/findings?database=${shop}&search=vacuum+carts`);
  const found = page.getByRole("table", { name: "Findings" }).locator("a[data-row]");
  await expect.poll(() => found.allInnerTexts()).toEqual([expect.stringContaining("public.carts")]);
  await expectAccessible(page);
  await page.keyboard.press("j");
  await page.keyboard.press("x");
  await page.getByRole("region", { name: "Selected" }).waitFor();
  await page.keyboard.press("m");
  await page.getByLabel("Why").fill("Emptied every night");
  await page.getByRole("dialog").getByRole("button", { name: "Mute" }).click();
  await page.getByText("No finding fits these filters").waitFor();
  await page.getByRole("button", { name: "Muted", exact: true }).click();
  await page.getByText("Muted: Emptied every night").first().waitFor();
  await page.getByRole("button", { name: "Undo" }).click();
  await page.getByText("No finding fits these filters").waitFor();
  await page.getByRole("button", { name: "Open", exact: true }).click();
  await found.first().click();
  await page.getByRole("row", { name: "Dead rows" }).getByText("10,000").waitFor();
  await page.getByRole("figure", { name: "Dead rows" }).waitFor();
  await expectAccessible(page);
  await page.getByRole("button", { name: "Snooze" }).click();
  await page.getByRole("menuitem", { name: "For a week" }).click();
  await page.getByText(/^Snoozed until/).waitFor();
  await page.getByText("by ada", { exact: false }).first().waitFor();
  await page.getByRole("button", { name: "More", exact: true }).click();
  const [file] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("menuitem", { name: "Download JSON" }).click(),
  ]);
  expect(file.suggestedFilename()).toBe("finding-autovacuum-backlog.json");
  expect(JSON.parse(await readFile(await file.path(), "utf8"))).toMatchObject({
    ...{ object: "public.carts", severity: "critical" },
    snoozed: { by: expect.stringMatching(/ada/i) },
  });
  await page.getByRole("button", { name: "End the snooze" }).click();
  await page.getByRole("button", { name: "Mute" }).waitFor();
  await page.goto("/");
  await page.getByRole("heading", { name: /^Databases: \d+ critical findings?/ }).waitFor();
});

test("a database is forgotten with its history, after its name was typed", async () => {
  await page.goto(`/databases/${history.database_ids[1]}`);
  await page.getByRole("button", { name: "More", exact: true }).click();
  await page.getByRole("menuitem", { name: "Forget this database" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("textbox").fill("shop_archive");
  await dialog.getByRole("button", { name: "Forget" }).click();
  await page.getByRole("table", { name: "Databases" }).waitFor();
  expect(await page.getByRole("link", { name: "shop_archive" }).count()).toBe(0);
  expect(ada.complaints).toEqual([]);
});
