/** Brings the generated rows of `ohub` and `trad` into their tables. */
import type { Client } from "pg";
import { type CopyValue, copyRows } from "./copy.ts";
import { generateOutages, type Outage } from "./ohub.ts";
import { UTILITIES } from "./ohub-utilities.ts";
import { generateTrading } from "./trad.ts";
import { ACCOUNTS, INSTRUMENTS } from "./trad-market.ts";

/** Fills the tables of `ohub` with the three years before `now`. */
export async function loadOhub(client: Client, now: Date): Promise<void> {
  const outages = generateOutages(now);
  await copyRows(
    client,
    "ohub.utilities (id, name, province, customers_served)",
    UTILITIES.map(({ id, name, province, customers }) => [id, name, province, customers]),
  );
  await copyRows(
    client,
    `ohub.outages (id, utility_id, province, municipality, latitude, longitude, cause, started_at,
                   restored_at, customers_affected, customers_peak)`,
    outages.map((outage, index): CopyValue[] => [
      ...[index + 1, outage.utility.id, outage.utility.province, outage.municipality],
      ...[outage.latitude, outage.longitude, outage.cause, outage.startedAt, outage.restoredAt],
      ...[outage.customersAffected, outage.customersPeak],
    ]),
  );
  await copyRows(
    client,
    "ohub.outage_updates (outage_id, reported_at, customers_out, crew_status, estimated_restored_at)",
    updateRows(outages),
  );
}

function* updateRows(outages: Outage[]): Generator<CopyValue[]> {
  for (const [index, { updates }] of outages.entries()) {
    for (const { reportedAt, customersOut, crewStatus, estimatedRestoredAt } of updates) {
      yield [index + 1, reportedAt, customersOut, crewStatus, estimatedRestoredAt];
    }
  }
}

/** Fills the tables of `trad` with the two years before `now`. */
export async function loadTrad(client: Client, now: Date): Promise<void> {
  const { orders, fills, positions } = generateTrading(now);
  await copyRows(
    client,
    "trad.instruments (id, symbol, name, asset_class, currency, tick_size, lot_size)",
    INSTRUMENTS.map(({ id, symbol, name, assetClass, lot }) => [
      ...[id, symbol, name, assetClass, "CAD", "0.01", quantity(lot)],
    ]),
  );
  await copyRows(
    client,
    "trad.accounts (id, code, desk, strategy)",
    ACCOUNTS.map(({ id, code, desk, strategy }) => [id, code, desk, strategy]),
  );
  await copyRows(
    client,
    `trad.orders (id, account_id, instrument_id, side, type, qty, price, filled_qty, status,
                  placed_at, venue, reject_reason)`,
    orders.map((order): CopyValue[] => [
      ...[order.id, order.accountId, order.instrument.id, order.side, order.type],
      ...[quantity(order.qty), order.cents === null ? null : price(order.cents)],
      ...[quantity(order.filledQty), order.status, new Date(order.placedAt)],
      ...[order.venue, order.rejectReason],
    ]),
  );
  await copyRows(
    client,
    "trad.fills (id, order_id, qty, price, fee, latency_us, filled_at)",
    fills.map(({ order, qty, cents, latencyUs, filledAt }, index): CopyValue[] => [
      ...[index + 1, order.id, quantity(qty), price(cents), fee(qty, cents), latencyUs],
      new Date(filledAt),
    ]),
  );
  await copyRows(
    client,
    "trad.positions (day, account_id, instrument_id, qty, close_price)",
    positions.map(({ day, accountId, instrumentId, qty, cents }): CopyValue[] => [
      ...[new Date(day).toISOString().slice(0, 10), accountId, instrumentId],
      ...[quantity(qty), price(cents)],
    ]),
  );
}

function quantity(tenThousandths: number): string {
  return (tenThousandths / 10_000).toFixed(4);
}

function price(cents: number): string {
  return (cents / 100).toFixed(2);
}

/** Two basis points of the value. */
function fee(tenThousandths: number, cents: number): string {
  return ((tenThousandths / 10_000) * (cents / 100) * 0.0002).toFixed(4);
}
