/** Schedules, as a person makes and looks at them; and as runners fire them that die again and again. */
import { setTimeout as delay } from "node:timers/promises";
import { listDatasources } from "@quern/contract/datasources";
import { createQuery } from "@quern/contract/queries";
import { createSchedule, fireSchedule } from "@quern/contract/schedules";
import { createQuery as storeQuery } from "@quern/store/queries";
import { createSchedule as storeSchedule } from "@quern/store/schedule-changes";
import { sql } from "kysely";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { DESK, openBrowser, openPage, type Watched } from "./browser.ts";
import type { RunnerProcess } from "./crash/runner-process.ts";
import { openTrial, type Trial } from "./crash/trial.ts";
import { expectAccessible, signIn } from "./page-steps.ts";
import { type Quern, signInClient, startQuern } from "./quern.ts";

const ADA = { email: "ada@example.test", password: "correct horse battery" };
const HOUR_MS = 3_600_000;
/** None of these fires by itself while this file runs, whenever that is. */
const FAR_OFF = `monthly ${Math.min(28, new Date(Date.now() + 14 * 24 * HOUR_MS).getUTCDate())} 06:00`;
/** In Kathmandu, which is 5:45 ahead of UTC. */
const HALF_A_DAY_OFF = `${new Date(Date.now() + 17.75 * HOUR_MS).toISOString().slice(11, 13)}:00`;

let quern: Quern;
let browser: Browser;
let ada: Watched;
let page: Page;

beforeAll(async () => {
  [quern, browser] = await Promise.all([
    startQuern({ QUERN_ADMIN_EMAIL: ADA.email, QUERN_ADMIN_PASSWORD: ADA.password }),
    openBrowser(),
  ]);
  const client = await signInClient(quern.url, ADA.email, ADA.password);
  const { items } = await client.call(listDatasources, {});
  const datasource_id = items.find(({ name }) => name.includes("Demo"))!.id;
  const make = (name: string, text: string) =>
    client.call(createQuery, { body: { name, datasource_id, sql: text } });
  await make("Flights of the day", "select count(*) from flights.flights");
  const failing = await make("Broken totals", "select 1/0");
  const { id } = await client.call(createSchedule, {
    body: {
      name: "Totals that fail",
      target: { type: "query", query_id: failing.id },
      recurrence: FAR_OFF,
      time_zone: "UTC",
    },
  });
  await client.call(fireSchedule, { params: { id } });
  ada = await openPage(browser, quern.url);
  page = ada.page;
  await signIn(page, ADA);
});
afterAll(async () => {
  await browser?.close();
  await quern?.[Symbol.asyncDispose]();
});
beforeEach(({ onTestFailed }) => {
  onTestFailed(async () => {
    await ada.picture("schedules-failed");
    console.error(await ada.describe());
  });
});

test("a schedule is made in words, with its next times on two clocks", async () => {
  await page.goto("/schedules");
  await page.getByRole("link", { name: "New schedule" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Query", { exact: true }).click();
  await page.getByPlaceholder("Search by name").fill("Flights of");
  await page.getByRole("option", { name: "Flights of the day" }).click();
  await dialog.getByLabel("How often").click();
  await page.getByRole("option", { name: "In words or cron" }).click();
  const words = dialog.getByLabel("Words or cron");
  await words.fill("0 0 31 2 *");
  await dialog
    .getByRole("alert")
    .getByText(/would never fire/)
    .waitFor();
  await words.fill(`weekly mon,thu ${HALF_A_DAY_OFF}`);
  const said = `Every Monday and Thursday at ${HALF_A_DAY_OFF}`;
  await dialog.getByText(said, { exact: true }).waitFor();
  await dialog.getByLabel("Time zone").click();
  await page.getByPlaceholder("Find a city").fill("kathm");
  await page.getByRole("option", { name: "Asia/Kathmandu" }).click();
  await dialog.getByText("Your time").waitFor();
  await expect.poll(() => dialog.getByRole("row").count()).toBe(6);
  await expectAccessible(page);
  await ada.picture("schedule-dialog");
  await dialog.getByRole("button", { name: "Make the schedule" }).click();
  await page.getByRole("heading", { name: /^Flights of the day · Every Monday/ }).waitFor();
  await page.getByText("It has not fired yet").waitFor();
});

test("it runs now, and its next time stays; it is paused and resumed", async () => {
  const next = page.getByRole("table", { name: "The next times" });
  const before = await next.getByRole("row").nth(1).locator("td").first().textContent();
  await page.getByRole("button", { name: "Run now" }).click();
  const firings = page.getByRole("table", { name: "Firings" });
  await firings.getByText("Succeeded").waitFor();
  await firings.getByText("by hand").waitFor();
  expect(await next.getByRole("row").nth(1).locator("td").first().textContent()).toBe(before);
  await expectAccessible(page);
  await page.getByRole("button", { name: "Pause" }).click();
  await page.getByText(/^Paused since/).waitFor();
  await page.getByRole("button", { name: "Resume" }).click();
  await next.waitFor();
  await firings.getByRole("link", { name: "Flights of the day" }).click();
  await page
    .getByRole("region", { name: "Related runs" })
    .getByRole("link", { name: /Flights of the day · Every/ })
    .click();
  await page.getByRole("heading", { name: /^Flights of the day · Every Monday/ }).waitFor();
});

test("the one that fails is found, and says why", async () => {
  await page.goto("/schedules");
  await page.getByRole("button", { name: "Failing", exact: true }).click();
  const table = page.getByRole("table", { name: "Schedules" });
  await expect.poll(() => table.getByRole("row").count()).toBe(2);
  const strip = table.getByRole("listbox", { name: /Totals that fail: 1, of which 1 failed/ });
  await strip.focus();
  await table.getByText(/: Failed$/).waitFor();
  await expectAccessible(page);
  await ada.picture("schedules");
  await table.getByRole("link", { name: "Totals that fail" }).click();
  await page.getByText("division by zero").waitFor();
  await page.getByRole("button", { name: "Change", exact: true }).click();
  await page.getByRole("dialog").getByLabel("How often").waitFor();
  expect(ada.complaints).toEqual([]);
});

test("on a phone, in the dark", async () => {
  const phone = await openPage(browser, quern.url, {
    ...DESK,
    width: 390,
    height: 844,
    colorScheme: "dark",
  });
  await signIn(phone.page, ADA);
  await phone.page.goto("/schedules?search=flights");
  await phone.page.getByRole("link", { name: /^Flights of the day/ }).waitFor();
  await expectAccessible(phone.page);
  await phone.picture("schedules");
  await phone.page.getByRole("link", { name: /^Flights of the day/ }).click();
  await phone.page.getByRole("table", { name: "Firings" }).getByText("Succeeded").waitFor();
  await expectAccessible(phone.page);
  const width = await phone.page.evaluate("document.documentElement.scrollWidth");
  expect(width).toBe(390);
  await phone.picture("schedule");
  expect(phone.complaints).toEqual([]);
});

const SCHEDULES = 20;
const POINTS = ["schedule_locked", "schedule_enqueued", "schedule_fired"];

/** Every three seconds, which recurrences cannot say. */
async function makeSchedules(trial: Trial): Promise<void> {
  const datasource_id = await trial.addDatasource();
  await sql`
    create function every_three_seconds() returns trigger language plpgsql as $$
    begin
      if new.next_fire_at > old.next_fire_at then new.next_fire_at := old.next_fire_at + interval '3 seconds'; end if;
      return new;
    end $$`.execute(trial.db);
  await sql`
    create trigger short_recurrence before update of next_fire_at on schedules
    for each row execute function every_three_seconds()`.execute(trial.db);
  for (let n = 0; n < SCHEDULES; n++) {
    const query_id = await storeQuery(trial.db, trial.actor, {
      name: `Witness ${n}`,
      description: "",
      datasource_id,
      sql: `insert into witness (word) values ('${n}')`,
      params: [],
      limits: {},
      result_ttl_s: null,
    });
    await storeSchedule(trial.db, trial.actor, {
      name: `Witness ${n}`,
      target: { type: "query", query_id },
      recurrence: "every 1m",
      time_zone: "UTC",
      overlap_policy: n % 2 === 0 ? "skip" : "queue",
    });
  }
  await sql`alter table schedules disable trigger short_recurrence`.execute(trial.db);
  await sql`update schedules set next_fire_at = to_timestamp(3 * ceil(extract(epoch from now()) / 3))`.execute(
    trial.db,
  );
  await sql`alter table schedules enable trigger short_recurrence`.execute(trial.db);
}

/** Two runners, each started anew when it dies, until stopped. */
function keepDying(trial: Trial) {
  let stopping = false;
  const alive = new Set<RunnerProcess>();
  const one = async () => {
    while (!stopping) {
      const point = POINTS[Math.floor(Math.random() * POINTS.length)];
      const nth = 1 + Math.floor(Math.random() * 40);
      const runner = trial.startRunner({ failPoints: `${point}=kill@${nth}` });
      alive.add(runner);
      const timer = setTimeout(() => runner.signal("SIGKILL"), 2_000 + Math.random() * 4_000);
      await runner.exited;
      clearTimeout(timer);
      alive.delete(runner);
    }
  };
  const both = Promise.all([one(), one()]);
  return async () => {
    stopping = true;
    for (const runner of alive) runner.signal("SIGKILL");
    await both;
  };
}

test("through random deaths of runners, each time of each schedule is fired exactly once", async () => {
  await using trial = await openTrial();
  await makeSchedules(trial);
  const stop = keepDying(trial);
  await delay(9_000);
  await stop();
  const { rows: clock } = await sql<{ now: Date }>`select now()`.execute(trial.db);
  const last = trial.startRunner({ times: {} });
  await expect
    .poll(
      async () => {
        const { rows } = await sql<{ behind: number }>`
          select count(*) as behind from schedules where next_fire_at <= ${clock[0]!.now}`.execute(
          trial.db,
        );
        return rows[0]!.behind;
      },
      { timeout: 60_000 },
    )
    .toBe(0);
  last.signal("SIGTERM");
  await last.exited;

  const { rows: schedules } = await sql<{ due: number; firings: number; off: boolean }>`
    select extract(epoch from max(schedules.next_fire_at) - min(firings.fire_at))::integer / 3 as due,
      count(*)::integer as firings, bool_or(firings.fire_at <> date_trunc('second', firings.fire_at)) as off
    from schedules join schedule_firings as firings on firings.schedule_id = schedules.id
    group by schedules.id`.execute(trial.db);
  expect(schedules).toHaveLength(SCHEDULES);
  for (const { due, firings, off } of schedules) {
    expect(off).toBe(false);
    expect(firings).toBe(due);
    expect(firings).toBeGreaterThanOrEqual(3);
  }
  // What was put into the queue has one run, what was not has none, and there is no run of no firing.
  const { rows: wrong } = await sql`
    select firings.id from schedule_firings as firings
    where (select count(*) from firing_runs where firing_id = firings.id) <> (case outcome when 'enqueued' then 1 else 0 end)
      or outcome = 'failed'
    union all
    select runs.id from runs where not exists (select from firing_runs where run_id = runs.id)`.execute(
    trial.db,
  );
  expect(wrong).toEqual([]);
  const { rows: outcomes } = await sql<{ outcome: string; count: number }>`
    select outcome, count(*)::integer as count from schedule_firings group by 1`.execute(trial.db);
  expect(outcomes.find(({ outcome }) => outcome === "enqueued")?.count).toBeGreaterThanOrEqual(
    SCHEDULES,
  );
});
