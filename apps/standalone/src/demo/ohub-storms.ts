/** The weather that makes outages come in bursts: ice in winter, wind in summer and autumn. */
import type { Random } from "./random.ts";

export type StormCause = "ice" | "snow" | "wind" | "lightning" | "wildfire";

export type Storm = {
  cause: StormCause;
  provinces: readonly string[];
  startsAt: number;
  endsAt: number;
  /** Multiplies the usual number of outages while it lasts. */
  strength: number;
};

type Season = {
  cause: StormCause;
  /** Months of the year, from 1. */
  months: readonly number[];
  perMonth: number;
  hours: number;
  strength: number;
  regions: readonly [readonly string[], ...(readonly string[])[]];
};

const ATLANTIC = ["CA-NB", "CA-NS", "CA-PE", "CA-NL"];
const PRAIRIES = ["CA-AB", "CA-SK", "CA-MB"];
const CENTRE = ["CA-ON", "CA-QC"];

const SEASONS: readonly Season[] = [
  {
    cause: "ice",
    months: [12, 1, 2, 3, 4],
    perMonth: 1.4,
    hours: 26,
    strength: 9,
    regions: [CENTRE, ["CA-QC", "CA-NB"], ["CA-NB", "CA-NS", "CA-PE"], ["CA-ON"]],
  },
  {
    cause: "snow",
    months: [11, 12, 1, 2, 3],
    perMonth: 1.6,
    hours: 20,
    strength: 4,
    regions: [["CA-BC"], ["CA-NL"], ["CA-MB", "CA-SK"], ["CA-YT", "CA-NT", "CA-NU"]],
  },
  {
    cause: "wind",
    months: [9, 10, 11, 12, 1],
    perMonth: 1.3,
    hours: 16,
    strength: 7,
    regions: [["CA-BC"], ATLANTIC, CENTRE, ["CA-AB"]],
  },
  {
    cause: "wind",
    months: [5, 6, 7, 8],
    perMonth: 1.8,
    hours: 7,
    strength: 10,
    regions: [CENTRE, PRAIRIES, ["CA-ON"], ["CA-QC"]],
  },
  {
    cause: "lightning",
    months: [6, 7, 8],
    perMonth: 3.5,
    hours: 5,
    strength: 6,
    regions: [CENTRE, PRAIRIES, ["CA-BC"], ["CA-QC"]],
  },
  {
    cause: "wildfire",
    months: [6, 7, 8, 9],
    perMonth: 0.7,
    hours: 70,
    strength: 2,
    regions: [["CA-BC"], ["CA-AB", "CA-SK"], ["CA-NT", "CA-YT"]],
  },
];

const HOUR = 3_600_000;

/** The storms that begin between two instants, in milliseconds since 1970. */
export function storms(random: Random, from: number, to: number): Storm[] {
  const found: Storm[] = [];
  const month = new Date(from);
  month.setUTCDate(1);
  month.setUTCHours(0, 0, 0, 0);
  while (month.getTime() < to) {
    for (const season of SEASONS) {
      if (!season.months.includes(month.getUTCMonth() + 1)) continue;
      for (let left = random.poisson(season.perMonth); left > 0; left--) {
        const startsAt = month.getTime() + random.between(0, 29 * 24) * HOUR;
        const endsAt = startsAt + random.logNormal(season.hours, 0.4) * HOUR;
        const strength = random.logNormal(season.strength, 0.5);
        const provinces = random.pick(season.regions);
        found.push({ cause: season.cause, provinces, startsAt, endsAt, strength });
      }
    }
    month.setUTCMonth(month.getUTCMonth() + 1);
  }
  return found.filter(({ startsAt }) => startsAt >= from && startsAt < to);
}
