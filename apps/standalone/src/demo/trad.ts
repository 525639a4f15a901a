/**
 * A generated trading desk: orders along an intraday curve, their fills, and the positions that
 * follow from the fills. The same seed and the same `now` give the same rows.
 */
import { type Random, seededRandom } from "./random.ts";
import { INSTRUMENTS, type Instrument, nextDay, stockSession } from "./trad-market.ts";
import { type Fill, makeOrder, type Order } from "./trad-orders.ts";

export type Position = {
  day: number;
  accountId: number;
  instrumentId: number;
  /** In ten-thousandths. */
  qty: number;
  cents: number;
};

export type TradingDesk = {
  /** In order of placedAt; an order's id is its place here, from 1. */
  orders: Order[];
  /** In order of filledAt. */
  fills: (Fill & { order: Order })[];
  positions: Position[];
};

const SEED = 7_310;
const DAY = 86_400_000;
const MINUTE = 60_000;
const DAYS = 730;
const ORDERS_PER_STOCK_DAY = 10;
const ORDERS_PER_CRYPTO_DAY = 7;
/** Orders of the last minutes, all in crypto, which trades at any time. */
const LAST_MINUTES = [14, 9, 6, 3, 1];

/** About 80,000 orders of the two years before `now`. */
export function generateTrading(now: Date, seed = SEED): TradingDesk {
  const random = seededRandom(seed);
  const end = now.getTime();
  const today = Math.floor(end / DAY) * DAY;
  const lastPrices = new Map<number, number>();
  const closes = new Map<number, Map<number, number>>();
  const held = new Map<string, number>();
  const orders: Order[] = [];
  for (let day = today - DAYS * DAY; day <= today; day += DAY) {
    const prices = nextDay(random, lastPrices);
    closes.set(day, new Map([...prices].map(([id, { close }]) => [id, close])));
    for (const { at, instrument, fraction, closesAt } of placements(random, day, end)) {
      const dayPrices = prices.get(instrument.id)!;
      orders.push(makeOrder(random, { at, instrument, fraction, closesAt, dayPrices, held, end }));
    }
  }
  orders.sort((a, b) => a.placedAt - b.placedAt);
  for (const [index, order] of orders.entries()) order.id = index + 1;
  const fills = orders.flatMap((order) => order.fills.map((fill) => ({ ...fill, order })));
  fills.sort((a, b) => a.filledAt - b.filledAt || a.order.id - b.order.id);
  return { orders, fills, positions: positions(fills, closes) };
}

type Placement = { at: number; instrument: Instrument; fraction: number; closesAt: number };

function placements(random: Random, day: number, end: number): Placement[] {
  const session = stockSession(day);
  const found: Placement[] = [];
  for (const instrument of INSTRUMENTS) {
    const crypto = instrument.assetClass === "crypto";
    if (!crypto && session === null) continue;
    const opens = crypto || session === null ? day : session.opens;
    const closesAt = crypto || session === null ? Number.POSITIVE_INFINITY : session.closes;
    const length = crypto || session === null ? DAY : session.closes - session.opens;
    const mean = crypto ? ORDERS_PER_CRYPTO_DAY : ORDERS_PER_STOCK_DAY;
    for (let left = random.poisson(mean); left > 0; left--) {
      const fraction = crypto ? random.unit() : intraday(random);
      found.push({ at: opens + fraction * length, instrument, fraction, closesAt });
    }
  }
  if (end - day < DAY) {
    const crypto = INSTRUMENTS.filter(({ assetClass }) => assetClass === "crypto");
    for (const [index, minutes] of LAST_MINUTES.entries()) {
      const instrument = crypto[index % crypto.length]!;
      const at = end - minutes * MINUTE;
      const fraction = Math.max(0, (at - day) / DAY);
      found.push({ at, instrument, fraction, closesAt: Number.POSITIVE_INFINITY });
    }
  }
  return found.filter(({ at }) => at < end).sort((a, b) => a.at - b.at);
}

/** Fraction of the session: most trading happens after the opening and before the close. */
function intraday(random: Random): number {
  const kind = random.unit();
  const edge = Math.min(random.exponential(0.1), 0.999);
  if (kind < 0.36) return edge;
  if (kind < 0.64) return 1 - edge;
  return random.unit();
}

/** End-of-day holdings: one row where something is held or was traded that day. */
function positions(
  fills: (Fill & { order: Order })[],
  closes: Map<number, Map<number, number>>,
): Position[] {
  const held = new Map<string, { accountId: number; instrument: Instrument; qty: number }>();
  const rows: Position[] = [];
  let next = 0;
  for (const [day, prices] of closes) {
    const traded = new Set<string>();
    for (; next < fills.length && fills[next]!.filledAt < day + DAY; next++) {
      const { order, qty } = fills[next]!;
      const key = `${order.accountId}/${order.instrument.id}`;
      const before = held.get(key)?.qty ?? 0;
      const after = before + (order.side === "buy" ? qty : -qty);
      held.set(key, { accountId: order.accountId, instrument: order.instrument, qty: after });
      traded.add(key);
    }
    const stocksOpen = stockSession(day) !== null;
    for (const [key, { accountId, instrument, qty }] of held) {
      if (!traded.has(key) && (qty === 0 || !(stocksOpen || instrument.assetClass === "crypto"))) {
        continue;
      }
      const cents = prices.get(instrument.id)!;
      rows.push({ day, accountId, instrumentId: instrument.id, qty, cents });
    }
  }
  return rows;
}
