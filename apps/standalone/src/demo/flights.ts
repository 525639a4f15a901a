/** The real part of the demo data: US flights of 2001, from the npm package vega-datasets. */
import { open, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { type AsyncBuffer, parquetMetadataAsync, parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import type { Client } from "pg";
import { type CopyValue, copyRows } from "./copy.ts";

/** Every 12th of 3,000,000 rows in order of time: 250,000, evenly over the whole period. */
const SAMPLE_EVERY = 12;

/** Loads both tables; returns the airports that flights name and the list lacks (added without a place). */
export async function loadFlights(client: Client): Promise<void> {
  const data = dataFolder();
  const airports = parseAirports(await readFile(join(data, "airports.csv"), "utf8"));
  await copyRows(
    client,
    "flights.airports (iata, name, city, state, country, latitude, longitude)",
    airports,
  );
  await copyRows(
    client,
    "flights.flights (date, delay, distance, origin, destination)",
    sampledFlights(join(data, "flights-3m.parquet")),
  );
}

function dataFolder(): string {
  const require = createRequire(import.meta.url);
  return join(dirname(require.resolve("vega-datasets/package.json")), "data");
}
