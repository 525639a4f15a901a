/** Fires the schedules that are due. Every runner does, at the same time: each firing is one runner's, by the row it locks. */
import type { PassFailPoint } from "@quern/run-work/fail-points";
import type { Log } from "@quern/runtime/log";
import type { Database } from "@quern/store/db";
import { type DueSchedule, findDue } from "@quern/store/schedule-due";
import { fireDue } from "@quern/store/schedule-firing";
import type { Instruments } from "./instruments.ts";

type Shop = { db: Database; log: Log; instruments: Instruments; passFailPoint: PassFailPoint };

/** Found by one look. More are due: look again at once. */
const AT_ONCE = 200;
/** Transactions that fire at the same time: most of each is waiting for our database. */
const HANDS = 4;

/** One look, and what is due is fired. Returns after how many milliseconds to look again: at most `poll_ms`. */
export async function fireSchedules(shop: Shop, poll_ms: number): Promise<number> {
  const found = await findDue(shop.db, poll_ms, AT_ONCE);
  const due = found.filter(({ in_ms }) => in_ms <= 0);
  const failures: unknown[] = [];
  let next = 0;
  const hand = async () => {
    for (let each = due[next++]; each !== undefined; each = due[next++]) {
      // Of our database, which is away or busy: nothing has changed, and the next look finds it again.
      await fireOne(shop, each).catch((error: unknown) => failures.push(error));
    }
  };
  await Promise.all(Array.from({ length: HANDS }, hand));
  if (failures.length > 0) throw failures[0];
  if (due.length >= AT_ONCE) return 0;
  const soonest = found.filter(({ in_ms }) => in_ms > 0).map(({ in_ms }) => Math.ceil(in_ms));
  return Math.min(poll_ms, ...soonest);
}

async function fireOne({ db, log, instruments, passFailPoint }: Shop, due: DueSchedule) {
  const reports = await fireDue(db, due, { passing: passFailPoint });
  await passFailPoint("schedule_fired");
  const { schedule_id } = due;
  for (const { outcome, lateness_ms, runs } of reports) {
    instruments.firings.inc({ outcome });
    instruments.firingRuns.inc(runs);
    if (outcome !== "enqueued") continue;
    instruments.firingLateness.observe(lateness_ms / 1000);
  }
  const outcomes = reports.map(({ outcome }) => outcome);
  if (outcomes.includes("failed")) log.warn({ schedule_id, outcomes }, "a schedule could not run");
  else if (reports.length > 0) log.info({ schedule_id, outcomes }, "fired a schedule");
}
