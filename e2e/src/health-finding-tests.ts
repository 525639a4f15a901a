/** Findings from the rule that made them to what a person does about one. */
import { readFile } from "node:fs/promises";
import { listRules } from "@quern/contract/health/findings";
import { sql } from "kysely";
import { expect, test } from "vitest";
import { openTab, type WatchedSite } from "./health-site.ts";
import { expectAccessible } from "./page-steps.ts";

export function testFindings(site: () => WatchedSite): void {
  test("every rule says how it stands, and is evaluated anew when asked", async () => {
    const { page, shop } = site();
    await openTab(site(), "Advisors");
    await evaluate(site());
    await page.getByRole("button", { name: /^No permission/ }).click();
    await page.getByRole("button", { name: /Index of a column that is mostly null/ }).click();
    await page.getByText("The agent's role may not read statistics of columns.").waitFor();
    await expectAccessible(page);
    expect(new URL(page.url()).pathname).toBe(`/databases/${shop}/advisors`);
  });

  test("a finding is muted with a reason and brought back, snoozed, exported, and on Home", async () => {
    const { page, shop } = site();
    if ((await rulesOf(site())).some(({ evaluated_at }) => evaluated_at === null)) {
      await openTab(site(), "Advisors");
      await evaluate(site());
    }
    await page.goto(`/findings?database=${shop}&search=vacuum+carts`);
    const found = page.getByRole("table", { name: "Findings" }).locator("a[data-row]");
    await expect
      .poll(() => found.allInnerTexts())
      .toEqual([expect.stringContaining("public.carts")]);
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
    await page.getByRole("link", { name: "Home", exact: true }).click();
    await page.getByRole("heading", { name: /^Databases: \d+ critical findings?/ }).waitFor();
  });
}

async function rulesOf({ client, shop }: WatchedSite) {
  return (await client.call(listRules, { params: { id: shop } })).items;
}

/** Presses the button, which can be pressed again when all rules were judged: each of them after it was asked for. */
async function evaluate(site: WatchedSite): Promise<void> {
  const { rows } = await sql<{ asked: Date }>`select now() as asked`.execute(site.db);
  const button = site.page.getByRole("button", { name: "Evaluate now" });
  await button.click();
  await expect.poll(() => button.isEnabled(), { timeout: 60_000 }).toBe(true);
  const since = (at: string | null) => at !== null && Date.parse(at) >= rows[0]!.asked.getTime();
  const old = (await rulesOf(site)).filter(({ evaluated_at }) => !since(evaluated_at));
  expect(old.map(({ rule }) => rule)).toEqual([]);
}
