/** The pages in French: chosen at the door, kept, and left again; and for a browser that asks for French by itself. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { DESK, openBrowser, openPage, type Watched } from "./browser.ts";
import { expectAccessible, writeSql } from "./page-steps.ts";
import { type Quern, startQuern } from "./quern.ts";

const ADA = { email: "ada@example.test", password: "correct horse battery" };
/** U+202F, which French puts between thousands, and U+00A0, before a word that belongs to a number. */
const ROWS = "12\u202f345\u00a0lignes";

let quern: Quern;
let browser: Browser;
let ada: Watched;

beforeAll(async () => {
  [quern, browser] = await Promise.all([startQuern(), openBrowser()]);
  ada = await openPage(browser, quern.url);
});
afterAll(async () => {
  await browser?.close();
  await quern?.[Symbol.asyncDispose]();
});
beforeEach(({ onTestFailed }) => {
  onTestFailed(async () => {
    await ada.picture("language-failed");
    console.error(await ada.describe());
  });
});

const languageOf = ({ page }: Watched) => page.evaluate<string>("document.documentElement.lang");

test("Français is chosen on the one-time link, which still holds, and every page is French from then on", async () => {
  const { page, picture } = ada;
  await page.goto(quern.setupLink());
  await page.getByRole("heading", { name: "Set up Quern" }).waitFor();
  expect(await languageOf(ada)).toBe("en");
  await page.getByRole("button", { name: "Français" }).click();
  await page.getByRole("heading", { name: "Configurer Quern" }).waitFor();
  expect(await languageOf(ada)).toBe("fr");
  expect(page.url()).not.toContain("token");
  await expectAccessible(page);
  await picture("french-set-up");
  await page.getByLabel("Votre nom").fill("Ada Lovelace");
  await page.getByLabel("Courriel").fill(ADA.email);
  await page.getByLabel("Mot de passe", { exact: true }).fill(ADA.password);
  await page.getByRole("button", { name: "Créer l’admin" }).click();
  await page.getByRole("heading", { name: "Connectez vos données" }).waitFor();
  await page.getByRole("button", { name: "Passer" }).click();
  await page.getByRole("heading", { name: "Accueil" }).waitFor();
  await page.getByText("Bienvenue, Ada.").waitFor();
  await expectAccessible(page);
  await picture("french-home");
  await page.getByRole("link", { name: "Requêtes", exact: true }).click();
  await page.getByRole("heading", { name: "Requêtes" }).waitFor();
  await expectAccessible(page);
});

test("a query and its run speak French, with French numbers", async () => {
  const { page, picture } = ada;
  await page.goto("/queries/new");
  await writeSql(page, "select n, n * 1000 as big from generate_series(1, 12345) as n");
  await page.getByRole("button", { name: "Exécuter", exact: true }).click();
  await page.getByRole("status").getByText("Réussie").waitFor();
  await page.getByText(ROWS).first().waitFor();
  await expectAccessible(page);
  await picture("french-query");
  await page.getByRole("link", { name: "Détails de l’exécution" }).click();
  await page.getByRole("list", { name: "Phases" }).getByText("En attente").waitFor();
  await page.getByText(ROWS).first().waitFor();
  await expectAccessible(page);
  await picture("french-run");
  expect(await page.getByText("Timeline").count()).toBe(0);
});

test("the person menu and the command palette take it back to English", async () => {
  const { page } = ada;
  await page.goto("/");
  await page.getByRole("button", { name: /thème, langue/ }).click();
  await page.getByRole("menuitem", { name: "Langue" }).click();
  const choices = page.getByRole("menuitemcheckbox");
  await choices.filter({ hasText: "Français" }).and(page.locator("[aria-checked=true]")).waitFor();
  await choices.filter({ hasText: "English" }).click();
  await page.getByRole("heading", { name: "Home" }).waitFor();
  expect(await languageOf(ada)).toBe("en");
  await page.keyboard.press("ControlOrMeta+k");
  await page.getByRole("dialog").locator("input").fill("Français");
  await page.getByRole("option", { name: /^Français/ }).click();
  await page.getByRole("heading", { name: "Accueil" }).waitFor();
  await page.reload();
  await page.getByRole("heading", { name: "Accueil" }).waitFor();
  expect(ada.complaints).toEqual([]);
});

test("a browser that asks for French gets it without a choice, on a phone too", async () => {
  const context = await browser.newContext({
    baseURL: quern.url,
    locale: "fr-CA",
    viewport: { width: 390, height: 844 },
  });
  const phone = await openPage(browser, quern.url, { ...DESK, width: 390, height: 844 }, context);
  await phone.page.goto("/sign-in");
  await phone.page.getByRole("heading", { name: "Se connecter" }).waitFor();
  expect(await languageOf(phone)).toBe("fr");
  const wide = await phone.page.evaluate<number>("document.documentElement.scrollWidth");
  expect(wide).toBeLessThanOrEqual(390);
  expect(phone.complaints).toEqual([]);
});
