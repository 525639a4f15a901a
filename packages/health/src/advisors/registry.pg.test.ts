import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { NOW, openSites, type Sites, serverStats } from "../testing-site.ts";
import { enlistRules, evaluateNext } from "./engine.ts";
import { allRules, loadRules } from "./registry.ts";

let sites: Sites;
beforeAll(async () => {
  sites = await openSites();
});
afterAll(() => sites.close());

test("every rule there is runs on an empty database without an error", async () => {
  const site = await sites.site();
  await site.send({
    server: serverStats(),
    table_stats: [],
    index_stats: [],
    settings: { a: "1" },
  });
  const rules = await allRules();
  await sql`delete from health_rule_states`.execute(sites.db);
  await enlistRules(sites.db, { now: NOW });
  await sql`delete from health_rule_states where database_id <> ${site.database_id}`.execute(
    sites.db,
  );
  const failures: unknown[] = [];
  const evaluated = await evaluateNext(sites.db, {
    now: NOW,
    onFailure: (failure) => failures.push(failure),
  });
  expect(failures).toEqual([]);
  expect(evaluated).toHaveLength(rules.size);
});

test("a file that is no rule, or names itself otherwise, is refused", async () => {
  const folder = await mkdtemp(join(tmpdir(), "quern-rules-"));
  try {
    await writeFile(join(folder, "fine.test.js"), "throw new Error('a test is no rule')");
    await writeFile(join(folder, "nothing.js"), "export const other = 1;");
    await expect(loadRules(folder)).rejects.toThrow("rules/nothing.js exports no `rule`");
    await writeFile(join(folder, "else-where.js"), "export const rule = { id: 'else' };");
    await rm(join(folder, "nothing.js"));
    await expect(loadRules(folder)).rejects.toThrow('says that it is "else"');
  } finally {
    await rm(folder, { recursive: true });
  }
});
