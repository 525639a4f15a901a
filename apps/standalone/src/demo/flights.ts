/** The real part of the demo data: US flights of 2001, from the npm package vega-datasets. */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import type { Client } from "pg";
import { type CopyValue, copyRows } from "./copy.ts";

/** Of 3,000,000 rows in order of time: 250,000, evenly over the whole period. */
const SAMPLE_EVERY = 12;

/** Fills `flights.airports` and `flights.flights`, whose tables must exist. */
export async function loadFlights(client: Client): Promise<void> {
  const build = createRequire(import.meta.url).resolve("vega-datasets");
  const data = join(dirname(build), "..", "data");
  await copyRows(
    client,
    "flights.airports (iata, name, city, state, country, latitude, longitude)",
    parseAirports(await readFile(join(data, "airports.csv"), "utf8")),
  );
  await copyRows(
    client,
    "flights.flights (date, delay, distance, origin, destination)",
    sampledFlights(join(data, "flights-3m.parquet")),
  );
}

/** One row group at a time: all of them at once would take half a gigabyte. */
async function* sampledFlights(path: string): AsyncGenerator<CopyValue[]> {
  const file = await asyncBufferFromFile(path);
  const metadata = await parquetMetadataAsync(file);
  let rowStart = 0;
  let untilNext = 0;
  for (const group of metadata.row_groups) {
    const rowEnd = rowStart + Number(group.num_rows);
    const rows = await parquetReadObjects({ file, metadata, compressors, rowStart, rowEnd });
    for (; untilNext < rows.length; untilNext += SAMPLE_EVERY) {
      const { date, delay, distance, origin, destination } = rows[untilNext]!;
      // The file has wall-clock times, which hyparquet presents as if they were UTC.
      yield [date.toISOString().slice(0, 19), delay, distance, origin, destination];
    }
    untilNext -= rows.length;
    rowStart = rowEnd;
  }
}

function* parseAirports(csv: string): Generator<CopyValue[]> {
  const [, ...lines] = csv.trimEnd().split(/\r?\n/);
  for (const line of lines) {
    const fields = [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(
      ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? "",
    );
    yield fields.map((value) => (value === "" || value === "NA" ? null : value));
  }
}
