/** Dashboards as people make and use them: built by clicking, filtered, refreshed, edited by two, on a phone and on a wall. */
import { readFile } from "node:fs/promises";
import type { Client } from "@quern/contract/client";
import { changeDashboard, createDashboard, readDashboard } from "@quern/contract/dashboards";
import { createDashboardDisplayLink, deleteDisplayLink } from "@quern/contract/display";
import type { Parameter } from "@quern/contract/parameters";
import { changeSettings } from "@quern/contract/settings";
import type { TileInput } from "@quern/contract/tiles";
import type pg from "pg";
import type { Browser, Locator, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { DESK, openBrowser, openPage, type Watched } from "./browser.ts";
import { makeCharts, openState, tileOf } from "./dashboard-site.ts";
import { expectAccessible, signIn } from "./page-steps.ts";
import { type Quern, signInClient, startQuern } from "./quern.ts";

const ADA = { email: "ada@example.test", password: "correct horse battery" };
const ATTACKS = new URL("../../apps/web/src/dashboard/markdown-attacks.json", import.meta.url);
let quern: Quern;
let browser: Browser;
let client: Client;
let ada: Watched;
let page: Page;
let state: pg.Client;
beforeAll(async () => {
  [quern, browser, state] = await Promise.all([
    startQuern({ QUERN_ADMIN_EMAIL: ADA.email, QUERN_ADMIN_PASSWORD: ADA.password }),
    openBrowser(),
    openState(),
  ]);
  client = await signInClient(quern.url, ADA.email, ADA.password);
  await makeCharts(client);
  ada = await openPage(browser, quern.url);
  page = ada.page;
  await signIn(page, ADA);
});
afterAll(async () => {
  await browser?.close();
  await quern?.[Symbol.asyncDispose]();
  await state?.end();
});
beforeEach(({ onTestFailed }) => {
  onTestFailed(async () => {
    await ada.picture("dashboards-failed");
    console.error(await ada.describe());
  });
});

const tileNamed = (name: string, on: Page = page): Locator =>
  on.getByRole("article", { name, exact: true });
const dashboardId = () => /dashboards\/([0-9a-f-]{36})/.exec(page.url())![1]!;
async function addChart(name: string): Promise<void> {
  await page.getByRole("button", { name: "Add tile" }).first().click();
  await page.getByRole("menuitem", { name: "A saved chart" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Find a chart or a query").fill(name);
  await dialog.getByRole("option").filter({ hasText: name }).first().click();
  await dialog.getByRole("button", { name: "Add tile" }).click();
  await dialog.waitFor({ state: "detached" });
}

test("a dashboard is built by clicking: charts, a parameter of both, a click that filters", async () => {
  await page.goto("/dashboards");
  await page.getByRole("button", { name: "New dashboard" }).click();
  await page.getByLabel("Name", { exact: true }).fill("Built by clicking");
  await page.getByRole("button", { name: "Make it" }).click();
  await page.getByText("Nothing is on this dashboard yet").waitFor();
  await addChart("Flights by origin");
  await addChart("Origins");
  await tileNamed("Origins").getByText("ORD").waitFor();

  await page.getByRole("button", { name: "Settings of Flights by origin" }).click();
  await page.getByRole("button", { name: "Make a parameter of the dashboard from this" }).click();
  await page.getByText("The dashboard’s Origin").waitFor();
  await page.getByRole("dialog").getByRole("button", { name: "Done" }).click();
  await page.getByRole("button", { name: "Settings of Origins" }).click();
  await page.getByLabel("What a click does").click();
  await page.getByRole("option", { name: "Sets parameters of this dashboard" }).click();
  await page.getByText("The row’s origin").waitFor();
  await page.getByRole("dialog").getByRole("button", { name: "Done" }).click();
  await expectAccessible(page);
  await ada.picture("dashboards-edit");
});

test("tiles move by keys and by mouse, undo goes back, and what is saved is what was seen", async () => {
  const tile = page.getByRole("group", { name: /^Origins, column/ });
  await tile.focus();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Shift+ArrowLeft");
  await page.getByRole("group", { name: "Origins, column 13, row 2, 11 wide, 11 high" }).waitFor();
  await page.keyboard.press("ControlOrMeta+z");
  await page.getByRole("group", { name: "Origins, column 13, row 1, 12 wide, 11 high" }).waitFor();
  await page.keyboard.press("ControlOrMeta+Shift+z");
  await page.getByRole("group", { name: /column 13, row 2, 11 wide/ }).waitFor();
  const box = (await tile.locator(".tile-handle").boundingBox())!;
  await page.mouse.move(box.x + 60, box.y + 12);
  await page.mouse.down();
  await page.mouse.move(box.x + 60, box.y + 12 + 4 * 32, { steps: 8 });
  await page.mouse.up();
  const label = () => tile.getAttribute("aria-label");
  await expect.poll(label).toMatch(/column 13, row [4-9], 11 wide/);
  const row = Number(/row (\d+)/.exec((await label()) ?? "")?.[1]);
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.getByRole("button", { name: "Edit", exact: true }).waitFor();
  const saved = await client.call(readDashboard, { params: { id: dashboardId() } });
  expect(saved.version).toBe(2);
  expect(saved.tiles.map(({ place }) => place)).toContainEqual({
    x: 12,
    y: row - 1,
    width: 11,
    height: 11,
  });
});

test("a click on a row filters the other tile, a second one and the chip take it back", async () => {
  const bars = tileNamed("Flights by origin");
  const rows = () => bars.getByRole("row").count();
  await expect.poll(rows).toBeGreaterThan(5);
  await tileNamed("Origins").getByText("ORD").click();
  const chip = page.getByRole("button", { name: "Take back Origin = ORD" });
  await chip.waitFor();
  await expect.poll(() => new URL(page.url()).searchParams.get("p.origin")).toBe("ORD");
  await expect.poll(rows).toBe(2);
  await tileNamed("Origins").getByText("ORD").click();
  await chip.waitFor({ state: "detached" });
  await expect.poll(rows).toBeGreaterThan(5);
  await tileNamed("Origins").getByText("ORD").click();
  await chip.click();
  await chip.waitFor({ state: "detached" });
  await expect.poll(() => new URL(page.url()).searchParams.has("p.origin")).toBe(false);
});

test("a refresh sees new data; a tile that fails keeps its last good result and says why", async () => {
  const quotient = tileOf("Quotient", 0, 0);
  const { id } = await client.call(createDashboard, {
    body: { name: "Changing", tiles: [quotient, tileOf("Origins", 12, 0)] },
  });
  await page.goto(`/dashboards/${id}?refresh=5s`);
  const tile = tileNamed("Quotient");
  await tile.getByText("25", { exact: true }).first().waitFor();
  await state.query("update state set n = 5");
  await tile.getByText("20", { exact: true }).first().waitFor();
  await state.query("update state set n = 0");
  const refresh = page.getByRole("button", { name: "Refresh all tiles now" });
  await refresh.click();
  await tile.getByText(/division by zero/).waitFor();
  await tile.getByText("20", { exact: true }).first().waitFor();
  await page.getByText("1 tile is failing").waitFor();
  await ada.picture("dashboards-failing");
  await expectAccessible(page);
  await state.query("update state set n = 2");
  await refresh.click();
  await tile.getByText("50", { exact: true }).first().waitFor();
  await tile.getByText(/division by zero/).waitFor({ state: "detached" });
});

test("texts with everything that tries to run something run nothing", async () => {
  const attacks: string[] = JSON.parse(await readFile(ATTACKS, "utf8"));
  const content = attacks.map((attack) => `Before\n\n${attack}\n\nAfter`).join("\n\n");
  const params: Parameter[] = [
    { name: "hostile", type: "text", default: "<img src=x onerror=window.attacked=true>" },
  ];
  const { id } = await client.call(createDashboard, {
    body: {
      name: '<img src=x onerror="window.attacked=true">',
      params,
      tiles: [
        {
          id: crypto.randomUUID(),
          type: "text",
          title: "<script>x</script>",
          place: { x: 0, y: 0, width: 24, height: 40 },
          content,
        },
      ],
    },
  });
  await page.goto(`/dashboards/${id}`);
  const text = page.locator(".tile-text");
  await text.getByText("After").first().waitFor();
  const found = await page.evaluate<{
    attacked: boolean;
    handlers: number;
    links: string[];
    elements: string[];
  }>(`({
    attacked: window.attacked === true,
    handlers: [...document.querySelectorAll(".tile-text *")].filter((each) => [...each.attributes].some(({ name }) => name.startsWith("on"))).length,
    links: [...document.querySelectorAll(".tile-text a")].map((each) => each.protocol + " " + each.rel),
    elements: [...new Set([...document.querySelectorAll(".tile-text *")].map((each) => each.localName))],
  })`);
  expect(found.attacked).toBe(false);
  expect(found.handlers).toBe(0);
  for (const link of found.links) expect(link).toMatch(/^(https?:|mailto:) noopener noreferrer$/);
  for (const name of ["script", "style", "iframe", "svg", "object", "form", "input"])
    expect(found.elements).not.toContain(name);
  // Violations of the content policy and requests to elsewhere are among the complaints.
  expect(ada.complaints).toEqual([]);
});

test("two people edit: new tiles are taken in, anything else is asked about; versions say who did what", async () => {
  const tile = tileOf("Origins", 0, 0);
  const made = await client.call(createDashboard, {
    body: { name: "Edited by two", tiles: [tile] },
  });
  await page.goto(`/dashboards/${made.id}?edit=1`);
  await page.getByRole("button", { name: "Settings of Origins" }).click();
  await page.getByRole("dialog").getByLabel("Title").fill("Mine");
  await page.getByRole("dialog").getByRole("button", { name: "Done" }).click();
  const change = (version: number, tiles: TileInput[]) =>
    client.call(changeDashboard, { params: { id: made.id }, body: { version, tiles } });
  await change(1, [tile, tileOf("Quotient", 12, 0)]);
  await page.getByText("ada saved version 2.").waitFor();
  await page.getByRole("button", { name: "Look at it" }).click();
  await page.getByRole("group", { name: /^Quotient, column 13/ }).waitFor();
  await change(2, [{ ...tile, place: { ...tile.place, height: 10 } }]);
  await page.getByRole("button", { name: "Save", exact: true }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("Removed “Quotient”").waitFor();
  await dialog.getByText("Renamed “Origins” to “Mine”").waitFor();
  await ada.picture("dashboards-conflict");
  await dialog.getByRole("button", { name: "Save mine as version 4" }).click();
  await page.getByRole("button", { name: "Edit", exact: true }).waitFor();
  await tileNamed("Mine").waitFor();

  await page.goto(`/dashboards/${made.id}/versions`);
  await page.getByRole("button", { name: /^v2/ }).click();
  await expectAccessible(page);
  await ada.picture("dashboards-versions");
  await page.getByRole("button", { name: "Restore this version" }).click();
  // The preview of the version has a tile of that name, too.
  await page.waitForURL((url) => url.pathname === `/dashboards/${made.id}`);
  await tileNamed("Origins").waitFor();
  const restored = await client.call(readDashboard, { params: { id: made.id } });
  expect([restored.version, restored.tiles.length]).toEqual([5, 2]);
});

test("a screen on the wall shows the dashboard with a link, until that is revoked", async () => {
  await client.call(changeSettings, { body: { display_links: true } });
  const { id } = await client.call(createDashboard, {
    body: {
      name: "On the wall",
      tiles: [tileOf("Origins", 0, 0), tileOf("Flights by origin", 12, 0)],
    },
  });
  const link = await client.call(createDashboardDisplayLink, {
    params: { id },
    body: { name: "Control room" },
  });
  const context = await browser.newContext({
    baseURL: quern.url,
    viewport: { width: 1440, height: 900 },
  });
  const wall = await openPage(browser, quern.url, DESK, context);
  await wall.page.goto(link.url);
  await tileNamed("Origins", wall.page).getByText("ORD").waitFor();
  expect(wall.page.url()).not.toContain("qrd_");
  expect(await wall.page.getByRole("navigation").count()).toBe(0);
  await wall.page.reload();
  await tileNamed("Origins", wall.page).getByText("ORD").waitFor();
  await expectAccessible(wall.page);
  await wall.picture("dashboards-wall");
  expect(wall.complaints).toEqual([]);
  await client.call(deleteDisplayLink, { params: { id: link.id } });
  await wall.page.reload();
  await wall.page.getByText("This link shows nothing now").waitFor();
  await context.close();
});

test("on a phone: one column, parameters in a sheet, nothing over the edge; dark as well", async () => {
  const storageState = await page.context().storageState();
  const [width, height, colorScheme] = [390, 844, "dark" as const];
  const context = await browser.newContext({
    baseURL: quern.url,
    viewport: { width, height },
    colorScheme,
    storageState,
  });
  const phone = await openPage(browser, quern.url, { width, height, colorScheme }, context);
  await phone.page.goto("/dashboards");
  await phone.page.getByRole("link", { name: "Built by clicking" }).click();
  await tileNamed("Origins", phone.page).getByText("ORD").waitFor();
  const boxes = await Promise.all(
    ["Flights by origin", "Origins"].map((name) => tileNamed(name, phone.page).boundingBox()),
  );
  expect(boxes[1]!.y).toBeGreaterThan(boxes[0]!.y + boxes[0]!.height - 1);
  expect(
    await phone.page.evaluate<number>("document.documentElement.scrollWidth - innerWidth"),
  ).toBeLessThanOrEqual(0);
  expect(await phone.page.getByRole("button", { name: "Edit", exact: true }).count()).toBe(0);
  await phone.page.getByRole("button", { name: "Parameters" }).click();
  await phone.picture("dashboards-phone");
  await phone.page.getByRole("dialog").getByText("Origin", { exact: true }).waitFor();
  await expectAccessible(phone.page);
  expect(phone.complaints).toEqual([]);
  await context.close();
  expect(ada.complaints).toEqual([]);
});
