/**
 * Generated outages: for every utility and day a usual number, more by season and in storms. The
 * same seed and the same `now` give the same rows.
 */

import { type Storm, storms } from "./ohub-storms.ts";
import { UTILITIES, type Utility } from "./ohub-utilities.ts";
import { type Random, seededRandom } from "./random.ts";

export type Outage = {
  utility: Utility;
  municipality: string;
  latitude: number;
  longitude: number;
  cause: string;
  startedAt: Date;
  restoredAt: Date | null;
  customersAffected: number;
  customersPeak: number;
  updates: OutageUpdate[];
};

export type OutageUpdate = {
  reportedAt: Date;
  customersOut: number;
  crewStatus: "assessing" | "assigned" | "on_site" | "restored";
  estimatedRestoredAt: Date | null;
};

const SEED = 20_261_121;
const DAY = 86_400_000;
const HOUR = 3_600_000;
const MINUTE = 60_000;
const YEARS = 3;

const USUAL_CAUSES = {
  equipment_failure: 30,
  tree_contact: 20,
  planned: 18,
  unknown: 12,
  animal_contact: 10,
  vehicle_collision: 7,
  wind: 3,
};

/** Some that have just begun, so that whoever looks finds open outages whatever the season. */
const JUST_NOW = [
  { utility: "Hydro-Québec", minutesAgo: 38, cause: "tree_contact" },
  { utility: "Hydro One", minutesAgo: 29, cause: "equipment_failure" },
  { utility: "Nova Scotia Power", minutesAgo: 21, cause: "wind" },
  { utility: "BC Hydro", minutesAgo: 12, cause: "vehicle_collision" },
  { utility: "Toronto Hydro", minutesAgo: 5, cause: "unknown" },
];

/** About 65,000 outages of the three years before `now`, in order of their start. */
export function generateOutages(now: Date, seed = SEED): Outage[] {
  const random = seededRandom(seed);
  const end = now.getTime();
  const begin = Math.floor(end / DAY) * DAY - YEARS * 365 * DAY;
  const weather = storms(random, begin, end);
  const outages: Outage[] = [];
  for (let day = begin; day < end; day += DAY) {
    for (const utility of UTILITIES) addDay(outages, random, utility, day, weather, end);
  }
  for (const { utility, minutesAgo, cause } of JUST_NOW) {
    const found = UTILITIES.find(({ name }) => name === utility)!;
    const hours = random.between(2, 5);
    outages.push(makeOutage(random, found, cause, end - minutesAgo * MINUTE, hours, 400, end));
  }
  return outages.sort((a, b) => a.startedAt.getTime() - b.startedAt.getTime());
}

function addDay(
  outages: Outage[],
  random: Random,
  utility: Utility,
  day: number,
  weather: Storm[],
  end: number,
): void {
  const usual = 0.06 * (utility.customers / 1000) ** 0.6 * season(day);
  for (let left = random.poisson(usual); left > 0; left--) {
    const cause = random.weighted(USUAL_CAUSES);
    const startsAt = day + startHour(random, cause) * HOUR;
    const hours = cause === "planned" ? random.between(1.5, 6) : random.logNormal(1.8, 0.8);
    if (startsAt >= end) continue;
    outages.push(makeOutage(random, utility, cause, startsAt, hours, 35, end));
  }
  for (const storm of weather) {
    const from = Math.max(day, storm.startsAt);
    const to = Math.min(day + DAY, storm.endsAt, end);
    if (to <= from || !storm.provinces.includes(utility.province)) continue;
    const mean = (usual * storm.strength * (to - from)) / DAY;
    for (let left = random.poisson(mean); left > 0; left--) {
      const hours = random.logNormal(6, 0.9);
      const startsAt = random.between(from, to);
      outages.push(makeOutage(random, utility, storm.cause, startsAt, hours, 130, end));
    }
  }
}

/** Equipment works hardest in the heat of July and the cold of January. */
function season(day: number): number {
  const date = new Date(day);
  const phase = (date.getUTCMonth() + date.getUTCDate() / 31) / 12;
  return 1 + 0.18 * Math.cos(4 * Math.PI * phase);
}

/** Hour of the day in UTC; planned work and traffic keep office hours in the middle of Canada. */
function startHour(random: Random, cause: string): number {
  if (cause === "planned") return random.between(13, 19);
  if (cause === "vehicle_collision") return (random.between(12, 30) + random.between(0, 4)) % 24;
  return random.between(0, 24);
}

function makeOutage(
  random: Random,
  utility: Utility,
  cause: string,
  startsAt: number,
  hours: number,
  usualCustomers: number,
  end: number,
): Outage {
  const [municipality, latitude, longitude] = random.pick(utility.places);
  const startedAt = wholeSecond(startsAt);
  const minutes = Math.min(Math.max(hours * 60, 10), 9 * 24 * 60);
  const restoredAt = new Date(startedAt.getTime() + Math.round(minutes) * MINUTE);
  const most = Math.ceil(utility.customers * 0.12);
  const wanted = Math.ceil(random.logNormal(usualCustomers, 1.6));
  const customersAffected = Math.min(Math.max(wanted, 1), most);
  const inOneGo = random.unit() < 0.7;
  const customersPeak = inOneGo
    ? customersAffected
    : Math.ceil(customersAffected * random.between(0.6, 1));
  const open = restoredAt.getTime() > end;
  const course = updates(random, startedAt, restoredAt, customersPeak);
  return {
    utility,
    municipality,
    latitude: round3(latitude + random.between(-0.08, 0.08)),
    longitude: round3(longitude + random.between(-0.11, 0.11)),
    cause,
    startedAt,
    restoredAt: open ? null : restoredAt,
    customersAffected,
    customersPeak,
    updates: open ? reportedBy(course, end) : course,
  };
}

/** The first report has the peak, later ones fewer, the last one none. */
function updates(
  random: Random,
  startedAt: Date,
  restoredAt: Date,
  customersPeak: number,
): OutageUpdate[] {
  const start = startedAt.getTime();
  const length = restoredAt.getTime() - start;
  const first = start + Math.min(random.between(60_000, 240_000), length / 2);
  const steps = Math.min(6, Math.floor(length / (50 * MINUTE)));
  const estimate = wholeSecond(start + length * random.between(0.7, 1.4));
  const list: OutageUpdate[] = [
    {
      reportedAt: wholeSecond(first),
      customersOut: customersPeak,
      crewStatus: "assessing",
      estimatedRestoredAt: null,
    },
  ];
  for (let step = 1; step <= steps; step++) {
    const done = step / (steps + 1);
    list.push({
      reportedAt: wholeSecond(first + (restoredAt.getTime() - first) * done),
      customersOut: Math.max(1, Math.round(customersPeak * (1 - done) ** random.between(0.6, 1.8))),
      crewStatus: done < 0.35 ? "assigned" : "on_site",
      estimatedRestoredAt: estimate,
    });
  }
  list.push({
    reportedAt: restoredAt,
    customersOut: 0,
    crewStatus: "restored",
    estimatedRestoredAt: null,
  });
  return list;
}

/** What is known by `end`; an outage that has only just begun has its first report at that moment. */
function reportedBy(course: OutageUpdate[], end: number): OutageUpdate[] {
  const known = course.filter(({ reportedAt }) => reportedAt.getTime() <= end);
  const first = course[0]!;
  return known.length > 0 ? known : [{ ...first, reportedAt: wholeSecond(end) }];
}

function wholeSecond(at: number): Date {
  return new Date(Math.floor(at / 1000) * 1000);
}

function round3(degrees: number): number {
  return Math.round(degrees * 1000) / 1000;
}
