/** One order and what became of it. Quantities are whole ten-thousandths, prices whole cents. */
import type { Random } from "./random.ts";
import { ACCOUNTS, type DayPrices, type Instrument, priceAt, VENUES } from "./trad-market.ts";

export type Fill = {
  qty: number;
  cents: number;
  latencyUs: number;
  filledAt: number;
};

export type Order = {
  id: number;
  accountId: number;
  instrument: Instrument;
  side: "buy" | "sell";
  type: "market" | "limit";
  qty: number;
  /** Limit in cents; null for market orders. */
  cents: number | null;
  filledQty: number;
  status: "open" | "filled" | "canceled" | "rejected";
  placedAt: number;
  venue: string;
  rejectReason: string | null;
  fills: Fill[];
};

export type Occasion = {
  at: number;
  instrument: Instrument;
  /** How much of the trading day is over. */
  fraction: number;
  closesAt: number;
  dayPrices: DayPrices;
  /** Holdings by account and instrument, which decide whether to buy or sell; updated here. */
  held: Map<string, number>;
  end: number;
};

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
/** A position this many lots long or short makes the opposite side likely. */
const COMFORTABLE_LOTS = 60;
/** A venue that was slow for a week a month ago: something to find. */
const INCIDENT = { venue: "XATS", fromDaysAgo: 37, toDaysAgo: 30, slowness: 12 };

const REJECT_REASONS = {
  insufficient_buying_power: 4,
  price_out_of_band: 3,
  position_limit_exceeded: 3,
  venue_unavailable: 1,
};

export function makeOrder(random: Random, occasion: Occasion): Order {
  const { at, instrument, held } = occasion;
  const accountId = ACCOUNTS[random.below(ACCOUNTS.length)]!.id;
  const key = `${accountId}/${instrument.id}`;
  const lots = (held.get(key) ?? 0) / instrument.lot;
  const lean = 0.35 * Math.max(-1, Math.min(1, lots / COMFORTABLE_LOTS));
  const side = random.unit() < 0.5 - lean ? "buy" : "sell";
  const type = random.unit() < 0.3 ? "market" : "limit";
  const cents = priceAt(random, occasion.dayPrices, instrument.volatility, occasion.fraction);
  const away = 1 + (side === "buy" ? -1 : 1) * instrument.volatility * random.between(0, 0.1);
  const rejected = random.unit() < 0.02;
  const order: Order = {
    id: 0,
    accountId,
    instrument,
    side,
    type,
    qty: instrument.lot * Math.max(1, Math.round(random.logNormal(4, 0.9))),
    cents: type === "limit" ? Math.max(1, Math.round(cents * away)) : null,
    filledQty: 0,
    status: rejected ? "rejected" : "open",
    placedAt: at,
    venue: random.weighted(instrument.assetClass === "crypto" ? CRYPTO_SHARE : STOCK_SHARE),
    rejectReason: rejected ? random.weighted(REJECT_REASONS) : null,
    fills: [],
  };
  if (!rejected) execute(random, order, cents, occasion);
  const sign = side === "buy" ? 1 : -1;
  held.set(key, (held.get(key) ?? 0) + sign * order.filledQty);
  return order;
}

const STOCK_SHARE: Record<string, number> = { XTSE: 60, NEOE: 24, XATS: 16 };
const CRYPTO_SHARE: Record<string, number> = { COINX: 65, MAPLEX: 35 };

/** Fills the order, wholly, partly or not; what lies after `end` has not happened yet. */
function execute(random: Random, order: Order, cents: number, occasion: Occasion): void {
  const outcome = order.type === "market" ? 0 : random.unit();
  const share = outcome < 0.62 ? 1 : outcome < 0.75 ? random.between(0.1, 0.9) : 0;
  const lots = Math.floor((order.qty / order.instrument.lot) * share);
  const pause = order.type === "market" ? 300 : 6 * MINUTE;
  let at = order.placedAt;
  for (const part of parts(random, lots)) {
    const latencyUs = latency(random, order, occasion.end);
    at = Math.min(at + latencyUs / 1000 + random.exponential(pause), occasion.closesAt);
    if (at > occasion.end) return;
    const price = fillPrice(random, order, cents);
    order.fills.push({ qty: part * order.instrument.lot, cents: price, latencyUs, filledAt: at });
    order.filledQty += part * order.instrument.lot;
  }
  if (order.filledQty === order.qty) order.status = "filled";
  else if (Math.min(order.placedAt + 45 * MINUTE, occasion.closesAt) < occasion.end) {
    order.status = "canceled";
  }
}

/** `lots` in one to four parts. */
function parts(random: Random, lots: number): number[] {
  const list: number[] = [];
  let left = lots;
  while (left > 0) {
    const part = list.length === 3 ? left : Math.min(left, 1 + random.below(left + 2));
    list.push(part);
    left -= part;
  }
  return list;
}

function fillPrice(random: Random, order: Order, cents: number): number {
  if (order.cents === null) {
    const slip = order.instrument.volatility * random.between(0, 0.02);
    return Math.max(1, Math.round(cents * (1 + (order.side === "buy" ? slip : -slip))));
  }
  // Never worse than the limit; sometimes a cent better.
  const better = random.unit() < 0.1 ? 1 : 0;
  return Math.max(1, order.cents + (order.side === "buy" ? -better : better));
}

function latency(random: Random, order: Order, end: number): number {
  const medians: Record<string, number> = { ...VENUES.stock, ...VENUES.crypto };
  const daysAgo = (end - order.placedAt) / DAY;
  const slow =
    order.venue === INCIDENT.venue &&
    daysAgo <= INCIDENT.fromDaysAgo &&
    daysAgo >= INCIDENT.toDaysAgo;
  const median = medians[order.venue]! * (slow ? INCIDENT.slowness : 1);
  const tail = random.unit() < 0.004 ? random.between(8, 40) : 1;
  return Math.max(1, Math.round(random.logNormal(median, 0.35) * tail));
}
