/**
 * Health as a person has it, on one Quern: its pages, from no database at all to what a query costs, and a server of its own
 * that things are done to, with the agent's single file beside it.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect } from "vitest";
import { testFindings } from "./health-finding-tests.ts";
import { testEmptyFleet, testFleet, testForgetting, testMoments } from "./health-page-tests.ts";
import { type HealthSite, openHealthSite, type WatchedSite, watchShops } from "./health-site.ts";
import { testStatements } from "./health-statement-tests.ts";
import { openStore, type Store } from "./health-store.ts";
import { testStore } from "./health-store-tests.ts";

let site: HealthSite;
let store: Store;

beforeAll(async () => {
  // What is held in the store has to be held for half a minute, which passes while pages are looked at.
  const opened = await Promise.allSettled([
    openHealthSite().then((each) => {
      site = each;
    }),
    openStore().then((each) => {
      store = each;
    }),
  ]);
  for (const each of opened) if (each.status === "rejected") throw each.reason;
});
afterAll(async () => {
  await store?.[Symbol.asyncDispose]();
  await site?.[Symbol.asyncDispose]();
});
beforeEach(({ onTestFailed }) => {
  onTestFailed(async () => {
    await site.ada.picture("health-failed");
    console.error(await site.ada.describe());
  });
});
afterEach(() => {
  expect(site.ada.complaints.splice(0)).toEqual([]);
});

describe("where nothing is watched", () => {
  testEmptyFleet(() => site);
});

describe("two databases of a day", () => {
  let shops: { shop: string; archive: string };
  const watched = (): WatchedSite => ({ ...site, ...shops });
  beforeAll(async () => {
    shops = await watchShops(site.db);
  });
  testFleet(watched);
  testMoments(watched);
  testStatements(watched);
  testFindings(watched);
  testForgetting(watched);
});

describe("a server that things are done to", () => {
  testStore(() => ({ ...site, store }));
});
