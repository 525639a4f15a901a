/** The instruments, their prices over time, the accounts and the venues of the generated trading desk. */
import type { Random } from "./random.ts";

export type Instrument = {
  id: number;
  symbol: string;
  name: string;
  assetClass: "equity" | "etf" | "crypto";
  /** Price at the start, in hundredths of a dollar: every tick is one cent. */
  cents: number;
  /** Daily volatility. */
  volatility: number;
  /** Smallest quantity, in ten-thousandths. */
  lot: number;
};

export type Account = { id: number; code: string; desk: string; strategy: string };

const SHARES = 100 * 10_000;

const INSTRUMENTS_LIST: [string, string, Instrument["assetClass"], number, number, number][] = [
  ["MPLB", "Maple Bancorp", "equity", 9_420, 0.011, SHARES],
  ["NRTH", "Northern Rail", "equity", 15_835, 0.012, SHARES],
  ["AURG", "Aurora Gold Mines", "equity", 2_214, 0.024, SHARES],
  ["PETR", "Petrolia Energy", "equity", 5_108, 0.018, SHARES],
  ["TIDE", "Fundy Tidal Power", "equity", 1_866, 0.019, SHARES],
  ["LAUR", "Laurentian Software", "equity", 31_240, 0.021, SHARES],
  ["CANO", "Canoe Outfitters", "equity", 3_977, 0.016, SHARES],
  ["ICEF", "Icefield Foods", "equity", 6_450, 0.009, SHARES],
  ["GRNT", "Granite Telecom", "equity", 5_521, 0.01, SHARES],
  ["XCAN", "Broad Canada Index", "etf", 3_388, 0.008, SHARES],
  ["XNRG", "Canadian Energy Index", "etf", 1_742, 0.014, SHARES],
  ["XBND", "Government Bond Index", "etf", 2_806, 0.004, SHARES],
  ["BTC-CAD", "Bitcoin", "crypto", 9_850_000, 0.026, 100],
  ["ETH-CAD", "Ether", "crypto", 465_000, 0.033, 1_000],
  ["SOL-CAD", "Solana", "crypto", 21_500, 0.045, 10_000],
];

export const INSTRUMENTS: Instrument[] = INSTRUMENTS_LIST.map(
  ([symbol, name, assetClass, cents, volatility, lot], index) => ({
    id: index + 1,
    ...{ symbol, name, assetClass, cents, volatility, lot },
  }),
);

const STRATEGIES = ["market_making", "momentum", "index_arbitrage", "client_flow"];
const DESKS = ["Montréal", "Toronto", "Calgary"];

export const ACCOUNTS: Account[] = DESKS.flatMap((desk) =>
  STRATEGIES.map((strategy) => ({ desk, strategy })),
).map((account, index) => ({ id: index + 1, code: `Q${101 + index}`, ...account }));

/** Median time to an acknowledgement in microseconds, by venue. */
export const VENUES = {
  stock: { XTSE: 380, NEOE: 520, XATS: 690 },
  crypto: { COINX: 14_000, MAPLEX: 21_000 },
};

export type DayPrices = { open: number; close: number };

/** Moves every price by one day; returns open and close in cents by instrument id. */
export function nextDay(random: Random, last: Map<number, number>): Map<number, DayPrices> {
  const prices = new Map<number, DayPrices>();
  for (const { id, cents, volatility } of INSTRUMENTS) {
    const open = last.get(id) ?? cents;
    // A pull back towards the start keeps two years of chance from ending at nothing or millions.
    const pull = 0.004 * Math.log(cents / open);
    const close = Math.max(1, Math.round(open * Math.exp(pull + volatility * random.normal())));
    prices.set(id, { open, close });
    last.set(id, close);
  }
  return prices;
}

/** The price in cents when `fraction` of the day is over: on the way from open to close, with noise. */
export function priceAt(
  random: Random,
  { open, close }: DayPrices,
  volatility: number,
  fraction: number,
): number {
  const drift = open + (close - open) * fraction;
  const noise = volatility * 0.5 * Math.sqrt(fraction * (1 - fraction)) * random.normal();
  return Math.max(1, Math.round(drift * (1 + noise)));
}

/** Opening and closing of the stock exchanges on that UTC day, or null on a weekend or holiday. */
export function stockSession(day: number): { opens: number; closes: number } | null {
  const date = new Date(day);
  const weekday = date.getUTCDay();
  if (weekday === 0 || weekday === 6) return null;
  if (HOLIDAYS.has(date.toISOString().slice(5, 10))) return null;
  const midnight = day + torontoOffsetHours(date) * 3_600_000;
  return { opens: midnight + 9.5 * 3_600_000, closes: midnight + 16 * 3_600_000 };
}

const HOLIDAYS = new Set(["01-01", "07-01", "12-25", "12-26"]);

const TORONTO = new Intl.DateTimeFormat("en-CA", {
  timeZone: "America/Toronto",
  hour: "numeric",
  hourCycle: "h23",
});

/** Hours that Toronto is behind UTC at noon UTC of that day: 4 in summer, 5 in winter. */
function torontoOffsetHours(day: Date): number {
  const noon = new Date(day.getTime() + 12 * 3_600_000);
  return 12 - Number.parseInt(TORONTO.format(noon), 10);
}
