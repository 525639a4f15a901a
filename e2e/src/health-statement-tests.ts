/** What statements cost: to a linked datasource, to a query of Quern's, and by the plans, tables and indexes that they use. */

import { type Datasource, listDatasources } from "@quern/contract/datasources";
import { linkDatabase } from "@quern/contract/health/databases";
import { createQuery } from "@quern/contract/queries";
import { createRun } from "@quern/contract/runs";
import { sql } from "kysely";
import { expect, test } from "vitest";
import { addressOf, openTab, type WatchedSite } from "./health-site.ts";
import { expectAccessible } from "./page-steps.ts";

export function testStatements(site: () => WatchedSite): void {
  test("a linked datasource and its queries say what they cost", async () => {
    const { page, client, db, shop } = site();
    await client.call(linkDatabase, { params: { id: shop }, body: { datasource_id: null } });
    const demo = await demoOf(site());
    const body = { name: "Orders of a job", datasource_id: demo.id, sql: "select 1" };
    const query = await client.call(createQuery, { body });
    const run = await client.call(createRun, { body: { query_id: query.id } });
    await sql`
      update health_statements set run_id = ${run.id} where database_id = ${shop}
        and id = (select min(id) from health_statements where database_id = ${shop})`.execute(db);
    await openTab(site(), "Events");
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
    await expect
      .poll(() => addressOf(page).pathname)
      .toMatch(/\/databases\/[0-9a-f-]+\/statements\/\d+$/);
  });

  test("from the dearest statement to its plans, its table, an index and the editor", async () => {
    const { page, client, shop } = site();
    await addPlans(site());
    const link = { datasource_id: (await demoOf(site())).id };
    await client.call(linkDatabase, { params: { id: shop }, body: link });
    await openTab(site(), "Statements");
    const list = page.getByRole("table", { name: "Statements" });
    const head = (name: string) => list.getByRole("columnheader", { name });
    await head("Calls").getByRole("button").click();
    await expect.poll(() => addressOf(page).searchParams.get("order")).toBe("calls");
    await expect.poll(() => head("Calls").getAttribute("aria-sort")).toBe("descending");
    await list.getByText("All others, beyond the agent’s limit").waitFor();
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
    await openTab(site(), "Tables");
    await page.getByRole("table", { name: "Tables" }).getByText("Locked").waitFor();
    await expectAccessible(page);
    await openTab(site(), "Indexes");
    await page.getByRole("button", { name: "Unused", exact: true }).click();
    await page.getByText("13 indexes", { exact: true }).waitFor();
    await expectAccessible(page);
  });
}

async function demoOf({ client }: WatchedSite): Promise<Datasource> {
  const { items } = await client.call(listDatasources, {});
  return items.find(({ name }) => name.includes("Demo"))!;
}

/** Two plans of one statement, an hour apart. */
async function addPlans({ db, shop }: WatchedSite): Promise<void> {
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
}
