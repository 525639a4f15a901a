/** The fleet, ranges, and the tabs that tell what was at a moment and what changed since. */
import { expect, test } from "vitest";
import { addressOf, type HealthSite, openTab, type WatchedSite } from "./health-site.ts";
import { expectAccessible } from "./page-steps.ts";

const HOUR_MS = 3_600_000;

export function testEmptyFleet(site: () => HealthSite): void {
  test("the fleet leads to an agent and the commands that start it", async () => {
    const { page } = site();
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
}

export function testFleet(site: () => WatchedSite): void {
  test("the fleet is found, ordered and narrowed by its address", async () => {
    const { page } = site();
    await page.goto("/databases?sort=name");
    const rowsOf = page.getByRole("table", { name: "Databases" }).locator("a[data-row]");
    await expect.poll(() => rowsOf.allInnerTexts()).toEqual(["shop", "shop_archive"]);
    await page.getByRole("button", { name: "Database", exact: true }).click();
    await expect.poll(() => rowsOf.allInnerTexts()).toEqual(["shop_archive", "shop"]);
    await page.getByLabel("Find databases").fill("arch");
    await expect.poll(() => rowsOf.allInnerTexts()).toEqual(["shop_archive"]);
    expect(Object.fromEntries(addressOf(page).searchParams)).toEqual({ sort: "-name", q: "arch" });
    await expectAccessible(page);
  });

  test("a range is chosen by name or on a chart, stays from tab to tab, and goes back", async () => {
    const { page, shop } = site();
    await openTab(site(), "Overview");
    await page.getByRole("heading", { name: "What watching costs" }).waitFor();
    await expectAccessible(page);
    await Promise.all([
      page.waitForResponse((answer) => answer.url().includes("/overview?")),
      page.getByRole("button", { name: "6 h", exact: true }).click(),
    ]);
    await expect.poll(() => addressOf(page).search).toBe("?range=6h");
    await expect.poll(() => page.locator('main [aria-busy="true"]').count()).toBe(0);
    const drawing = page.getByRole("figure", { name: /^Load/ }).locator("canvas").first();
    await drawing.scrollIntoViewIfNeeded();
    const { x, y, width, height } = (await drawing.boundingBox())!;
    await page.mouse.move(x + width * 0.4, y + height / 2);
    await page.mouse.down();
    await page.mouse.move(x + width * 0.6, y + height / 2, { steps: 4 });
    await page.mouse.up();
    await expect.poll(() => addressOf(page).searchParams.get("from")).not.toBeNull();
    const chosen = addressOf(page).searchParams;
    const long_ms = Date.parse(chosen.get("to")!) - Date.parse(chosen.get("from")!);
    expect(long_ms).toBeGreaterThan(0.9 * HOUR_MS);
    expect(long_ms).toBeLessThan(1.7 * HOUR_MS);
    await openTab(site(), "Statements");
    await expect.poll(() => addressOf(page).pathname).toBe(`/databases/${shop}/statements`);
    expect(addressOf(page).searchParams.get("from")).toBe(chosen.get("from"));
    await page.goBack();
    await expect.poll(() => addressOf(page).pathname).toBe(`/databases/${shop}`);
    await page.goBack();
    await expect.poll(() => addressOf(page).search).toBe("?range=6h");
    await page.getByRole("button", { name: "Compare with last week" }).click();
    await expect.poll(() => addressOf(page).search).toBe("?range=6h&compare=week");
    await expect.poll(() => page.locator('main [aria-busy="true"]').count()).toBe(0);
  });
}

export function testMoments(site: () => WatchedSite): void {
  test("sessions of any moment say who holds whom up, and what would end it", async () => {
    const { page } = site();
    await openTab(site(), "Sessions");
    await page.getByRole("button", { name: "1 h", exact: true }).click();
    const tree = page.getByRole("article").filter({ hasText: "alter table, process 4102" });
    await tree.getByText(/^AccessExclusiveLock on public.orders/).waitFor();
    await expectAccessible(page);
    const scrubber = page.getByRole("slider", { name: /^Time of the sample/ });
    const at = () => addressOf(page).searchParams.get("at");
    await scrubber.press("ArrowLeft");
    await expect.poll(at).not.toBeNull();
    const first = at()!;
    await page.getByText("As of", { exact: true }).waitFor();
    await scrubber.press("ArrowLeft");
    await expect.poll(() => Date.parse(first) - Date.parse(at()!)).toBe(10_000);
    await tree.getByRole("button", { name: "End process 4101" }).click();
    const statement = page.getByRole("dialog").getByRole("group").nth(1);
    expect(await statement.textContent()).toContain("pg_terminate_backend(pid)");
    await page.keyboard.press("Escape");
    await scrubber.press("End");
    await expect.poll(at).toBeNull();
    await page.getByRole("button", { name: /^Waiting for a lock/ }).click();
    const sessions = page.getByRole("table", { name: "Sessions" }).getByRole("row");
    await expect.poll(() => sessions.count()).toBe(4);
    await openTab(site(), "Vacuum");
    const holder = page.getByRole("listitem").filter({ hasText: "Session 4101" });
    await holder.getByRole("button", { name: "What to do" }).click();
    await holder.getByText("select pg_terminate_backend(4101);").waitFor();
  });

  test("what changed of settings and schema is told, and a deploy is marked beside it", async () => {
    const { page } = site();
    await openTab(site(), "Settings");
    await page.getByRole("button", { name: /^Changed since first seen/ }).click();
    await page.getByRole("button", { name: "Compare two times" }).click();
    const compared = page.getByRole("table", { name: "Settings at two times" }).getByRole("row");
    await expect.poll(() => compared.last().textContent()).toMatch(/4 MiB\s*16 MiB/);
    await openTab(site(), "Schema");
    await page.getByRole("button", { name: "Compare with the version before" }).click();
    const orders = page.getByRole("article", { name: "public.orders" });
    await orders.getByText("note", { exact: true }).waitFor();
    await page.getByRole("button", { name: "Side by side" }).click();
    await orders.getByRole("cell", { name: /note text/ }).waitFor();
    await expectAccessible(page);
    await openTab(site(), "Events");
    await page.getByRole("button", { name: "Mark a deploy" }).first().click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("What was deployed").fill("shop 4.13");
    await page.keyboard.press("Enter");
    await page.getByText("shop 4.13", { exact: true }).waitFor();
    await page.getByRole("button", { name: /^Deploy/ }).click();
    await expect.poll(() => page.getByText("work_mem: 4 MiB became 16 MiB").count()).toBe(0);
    await expect.poll(() => addressOf(page).searchParams.get("type")).toBe("deploy");
  });
}

export function testForgetting(site: () => WatchedSite): void {
  test("a database is forgotten with its history, after its name was typed", async () => {
    const { page, archive } = site();
    await page.goto(`/databases/${archive}`);
    await page.getByRole("button", { name: "More", exact: true }).click();
    await page.getByRole("menuitem", { name: "Forget this database" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("textbox").fill("shop_archive");
    await dialog.getByRole("button", { name: "Forget" }).click();
    await page.getByRole("table", { name: "Databases" }).waitFor();
    expect(await page.getByRole("link", { name: "shop_archive" }).count()).toBe(0);
  });
}
