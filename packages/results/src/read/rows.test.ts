import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Cell } from "@quern/contract/results";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { column, duckDbParts, manifestOf, partOpener } from "../testing.ts";
import { type ResultManifest, readRows, streamRows } from "./rows.ts";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "quern-rows-"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const opener = (name: string) => partOpener(directory, ({ part }) => `${name}${part}.parquet`);

describe("several parts", () => {
  const sizes = [2_500, 1, 4_096, 5_000];
  const total = sizes.reduce((sum, rows) => sum + rows);
  const plain = Array.from({ length: total }, (_, row) => [
    String(row),
    row % 7 === 0 ? null : `r${row}`,
    row % 1_000 === 999 ? "infinity" : "1970-01-01",
  ]);
  let manifest: ResultManifest;

  beforeAll(async () => {
    let first = 0;
    const selects = sizes.map((rows) => {
      const range = `range(${first}, ${first + rows}) t(i)`;
      const infinite = "i % 1000 = 999";
      first += rows;
      // The second part has one row, which is not infinite: it lacks the side column.
      const side = rows === 1 ? "" : `, case when ${infinite} then 'infinity' end as x2`;
      return {
        sql: `select i::bigint as c0, case when i % 7 <> 0 then 'r' || i end as c1,
                     case when not ${infinite} then date '1970-01-01' end as c2 ${side} from ${range}`,
        rows,
        escapes: rows === 1 ? [] : [2],
      };
    });
    const parts = await duckDbParts(directory, "several", selects);
    manifest = manifestOf([column("i", "int8"), column("r", "text"), column("d", "date")], parts);
  });

  test("any range is that of a plain array", async () => {
    const { open, opened } = opener("several");
    const offset = fc.oneof(
      fc.nat({ max: total + 5 }),
      fc.constantFrom(0, 2_047, 2_048, 2_499, 2_500, 2_501, total - 1, total),
    );
    await fc.assert(
      fc.asyncProperty(offset, fc.nat({ max: 3_000 }), async (from, limit) => {
        expect(await readRows(manifest, open, from, limit)).toEqual(
          plain.slice(from, from + limit),
        );
      }),
      { numRuns: 60 },
    );
    expect(opened.open).toBe(0);
  });

  test("a page reads its row group only, and the metadata once", async () => {
    const warm = opener("several");
    await readRows(manifest, warm.open, 7_000, 100);
    const { open, opened } = opener("several");
    await readRows(manifest, open, 7_000, 100);
    expect(opened.total).toBe(1);
    const whole = opener("several");
    for await (const _ of streamRows(manifest, whole.open)) {
      // Only what is read counts.
    }
    expect(opened.bytes).toBeLessThan(whole.opened.bytes / 4);
  });

  test("a stream comes in chunks of a row group, with one part open at a time", async () => {
    const { open, opened } = opener("several");
    const rows: Cell[][] = [];
    for await (const chunk of streamRows(manifest, open)) {
      expect(chunk.length).toBeLessThanOrEqual(2_048);
      expect(opened.open).toBe(1);
      rows.push(...chunk);
    }
    expect(rows).toEqual(plain);
    expect(opened).toMatchObject({ total: sizes.length, open: 0 });
  });

  test("a stream that is left closes its part", async () => {
    const { open, opened } = opener("several");
    for await (const _ of streamRows(manifest, open)) break;
    expect(opened).toMatchObject({ total: 1, open: 0 });
  });

  test("missing rows are an error, not a short answer", async () => {
    const { open } = opener("several");
    const [first, , third] = manifest.parts;
    const gap = { ...manifest, parts: [first!, third!] };
    await expect(readRows(gap, open, 2_490, 100)).rejects.toThrow("no part holds row 2500");
    const short = { ...manifest, parts: manifest.parts.slice(0, 1) };
    await expect(readRows(short, open, 0, 3_000)).rejects.toThrow("no part holds row 2500");
    const longer = { ...manifest, parts: [{ ...first!, rows: 3_000 }] };
    await expect(readRows(longer, open, 0, 3_000)).rejects.toThrow("ends at row 2500 of 3000");
  });
});

describe("results without rows or columns", () => {
  const { open } = partOpener("/nowhere", () => "nothing");

  test("no rows need no part", async () => {
    expect(await readRows(manifestOf([column("a", "int4")], []), open, 0, 100)).toEqual([]);
  });

  test("rows without columns are counted", async () => {
    const manifest = { columns: [], rows: 5_000, parts: [] };
    expect(await readRows(manifest, open, 4_998, 100)).toEqual([[], []]);
    expect(await readRows(manifest, open, 0, 5_000)).toHaveLength(5_000);
  });
});
