/** Quern with nothing watched yet, its admin's page beside it, and the steps that its pages share. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Client } from "@quern/contract/client";
import { makeHistory } from "@quern/health/testing-history";
import { type Database, openDatabase } from "@quern/store/db";
import { sql } from "kysely";
import type { Page } from "playwright-core";
import { openBrowser, openPage, type Watched } from "./browser.ts";
import { signIn } from "./page-steps.ts";
import { type Quern, signInClient, startQuern } from "./quern.ts";

const ADA = { email: "ada@example.test", password: "correct horse battery" };

export type HealthSite = {
  quern: Quern;
  /** Acts as the admin. */
  client: Client;
  /** Quern's own database. */
  db: Database;
  ada: Watched;
  page: Page;
  [Symbol.asyncDispose](): Promise<void>;
};

/** Two databases with a history, of which the pages tell: `shop`, and `archive` on the same server. */
export type WatchedSite = HealthSite & { shop: string; archive: string };

export async function openHealthSite(): Promise<HealthSite> {
  const [quern, browser] = await Promise.all([
    startQuern({ QUERN_ADMIN_EMAIL: ADA.email, QUERN_ADMIN_PASSWORD: ADA.password }),
    openBrowser(),
  ]);
  const url = await readFile(join(quern.dataDir, "secrets", "database.url"), "utf8");
  const db = openDatabase(url.trim());
  const ada = await openPage(browser, quern.url);
  await signIn(ada.page, ADA);
  const client = await signInClient(quern.url, ADA.email, ADA.password);
  return {
    ...{ quern, client, db, ada, page: ada.page },
    async [Symbol.asyncDispose]() {
      await browser.close();
      await db.destroy();
      await quern[Symbol.asyncDispose]();
    },
  };
}

export async function watchShops(db: Database): Promise<{ shop: string; archive: string }> {
  const { rows } = await sql<{ id: string }>`select id from orgs`.execute(db);
  const { database_ids } = await makeHistory(db, rows[0]!.id, {
    ...{ databases: 2, days: 1, statements: 30 },
  });
  const [shop, archive] = database_ids;
  return { shop: shop!, archive: archive! };
}

export const addressOf = (page: Page): URL => new URL(page.url());

/** A tab of the shop, by a click where one of its tabs is open: a page that is loaded anew costs a second. */
export async function openTab({ page, shop }: WatchedSite, name: string): Promise<void> {
  const tabs = page.getByRole("navigation", { name: "Pages of this database" });
  const here = addressOf(page).pathname.startsWith(`/databases/${shop}`);
  if (!here || (await tabs.count()) === 0) await page.goto(`/databases/${shop}`);
  await tabs.getByRole("link", { name, exact: true }).click();
}
