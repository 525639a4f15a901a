/** What the tests of pages do again and again, as a person would. */
import { AxeBuilder } from "@axe-core/playwright";
import type { Page } from "playwright-core";
import { expect } from "vitest";

/** From the sign-in page to Home. */
export async function signIn(
  page: Page,
  { email, password }: { email: string; password: string },
): Promise<void> {
  await page.goto("/sign-in");
  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Home" }).waitFor();
}

/** Replaces the text of the SQL editor. */
export async function writeSql(page: Page, sql: string): Promise<void> {
  // A menu that closes takes the focus back to its button.
  await page.getByRole("listbox").waitFor({ state: "detached" });
  await page.locator(".monaco-editor").first().click();
  await page.locator(".monaco-editor.focused").first().waitFor();
  await page.keyboard.press("ControlOrMeta+A");
  await page.keyboard.insertText(sql);
}

/** No serious or critical finding of axe on the page as it is. */
export async function expectAccessible(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page })
    .options({ resultTypes: ["violations"] })
    // Without it each look opens one page more, for frames of other hosts, of which there are none.
    .setLegacyMode()
    .analyze();
  const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  expect(
    serious.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target).join(" ")}`),
  ).toEqual([]);
}
