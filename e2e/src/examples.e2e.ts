/** What a new installation opens with: example dashboards that have data, refresh by schedule whatever dies, and look right. */
import type { Client } from "@quern/contract/client";
import { listDashboards, readDashboard, runDashboard } from "@quern/contract/dashboards";
import { fireSchedule, listFirings, listSchedules } from "@quern/contract/schedules";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Look, openBrowser, openPage } from "./browser.ts";
import { expectAccessible, signIn } from "./page-steps.ts";
import { type Quern, signInClient, startQuern } from "./quern.ts";

const ADMIN = { email: "examples@example.test", password: "correct horse battery" };
const PHONE: Look = { width: 390, height: 844, colorScheme: "dark" };
const DESK: Look = { width: 1440, height: 900, colorScheme: "light" };

let quern: Quern;
let browser: Browser;
let api: Client;

beforeAll(async () => {
  [quern, browser] = await Promise.all([
    startQuern({
      ...{ QUERN_DEMO: "1", QUERN_ADMIN_EMAIL: ADMIN.email },
      QUERN_ADMIN_PASSWORD: ADMIN.password,
    }),
    openBrowser(),
  ]);
  api = await signInClient(quern.url, ADMIN.email, ADMIN.password);
});
afterAll(async () => {
  await browser?.close();
  await quern?.[Symbol.asyncDispose]();
});

/** Asks again until `done`, for as long as the test may take. */
async function until<T>(ask: () => Promise<T>, done: (answer: T) => boolean): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (done(answer)) return answer;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}

const dashboards = async () => (await api.call(listDashboards, { query: {} })).items;

test("three dashboards are there, and every tile of theirs has rows", async () => {
  const found = await until(dashboards, (items) => items.length === 3);
  for (const { id, name } of found) {
    const { tiles } = await api.call(readDashboard, { params: { id } });
    const charts = tiles.filter((tile) => tile.type === "visualization");
    expect(charts.length, name).toBeGreaterThanOrEqual(8);
    expect(charts.filter(({ trouble }) => trouble !== null)).toEqual([]);
    const body = { refresh: "none" as const };
    const { items } = await until(
      () => api.call(runDashboard, { params: { id }, body }),
      (answer) => answer.items.every(({ last_good }) => last_good !== null),
    );
    expect(items.filter(({ last_good }) => last_good!.rows === 0)).toEqual([]);
  }
});

test("schedules fire while runners die, and every firing is accounted for", async () => {
  const { items: schedules } = await api.call(listSchedules, { query: {} });
  expect(schedules.map(({ next_fire_at }) => next_fire_at)).not.toContain(null);
  const fired: { schedule: string; id: string }[] = [];
  const killed = new Set<number>();
  for (const { id } of schedules) {
    const firing = await api.call(fireSchedule, { params: { id } });
    fired.push({ schedule: id, id: firing.id });
    const [runner] = await until(
      async () => (await quern.pids("runner")).filter((pid) => !killed.has(pid)),
      (pids) => pids.length > 0,
    );
    killed.add(runner!);
    process.kill(runner!, "SIGKILL");
  }
  for (const { schedule, id } of fired) {
    const { items } = await until(
      () => api.call(listFirings, { params: { id: schedule }, query: {} }),
      (firings) =>
        firings.items.some(
          (each) => each.id === id && (each.finished_at !== null || each.outcome !== "enqueued"),
        ),
    );
    const firing = items.find((each) => each.id === id)!;
    expect(firing.outcome).toMatch(/^(enqueued|skipped_overlap)$/);
    for (const run of firing.runs) expect(run.status).toMatch(/^(succeeded|failed)$/);
  }
});

for (const look of [DESK, PHONE]) {
  test(`they look right at ${look.width} × ${look.height}, ${look.colorScheme}`, async () => {
    const watched = await openPage(browser, quern.url, look);
    const { page } = watched;
    await signIn(page, ADMIN);
    for (const { id, name } of await dashboards()) {
      await page.goto(`/dashboards/${id}`);
      await page.locator("canvas").first().waitFor();
      // A tile is read when one comes near it.
      const tiles = await page.getByRole("article").all();
      for (const tile of [...tiles, tiles[0]!]) await tile.scrollIntoViewIfNeeded();
      await expect.poll(() => page.getByRole("status", { name: "Loading" }).count()).toBe(0);
      await watched.picture(`example-${name.toLowerCase().replace(/\W+/g, "-")}`);
      expect(await page.getByText(/has no column|nothing to draw|failed/i).count(), name).toBe(0);
      await expectAccessible(page);
    }
    expect(watched.complaints).toEqual([]);
  });
}
