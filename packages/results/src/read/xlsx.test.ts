import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inflateRawSync } from "node:zlib";
import type { Storage } from "@quern/contract/batch";
import type { Cell } from "@quern/contract/results";
import { expect, test } from "vitest";
import { partName } from "../part-name.ts";
import { batchOf, bytesOf, column, manifestOf, partOpener, type TestCell } from "../testing.ts";
import { openResultWriter } from "../write/writer.ts";
import type { OpenPart, ResultManifest } from "./rows.ts";
import { NotExportableError, xlsx } from "./xlsx.ts";

/** Entries of a zip by its central directory. */
export function unzip(zip: Buffer): Record<string, string> {
  const entries: Record<string, string> = {};
  for (let at = zip.readUInt32LE(zip.length - 6); zip.readUInt32LE(at) === 0x02014b50; ) {
    const [size, name, extra, comment] = [20, 28, 30, 32].map((o, i) =>
      i === 0 ? zip.readUInt32LE(at + o) : zip.readUInt16LE(at + o),
    ) as [number, number, number, number];
    const header = zip.readUInt32LE(at + 42);
    const start = header + 30 + zip.readUInt16LE(header + 26) + zip.readUInt16LE(header + 28);
    const bytes = zip.subarray(start, start + size);
    const stored = zip.readUInt16LE(at + 10) === 0;
    entries[zip.toString("utf8", at + 46, at + 46 + name)] = (
      stored ? bytes : inflateRawSync(bytes)
    ).toString();
    at += 46 + name + extra + comment;
  }
  return entries;
}

async function made(
  columns: {
    name: string;
    type: Parameters<typeof column>[1];
    source?: string;
    storage: Storage;
    cells: TestCell[];
  }[],
  use: (manifest: ResultManifest, open: OpenPart) => Promise<void>,
): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "quern-xlsx-"));
  const writer = openResultWriter(directory);
  const storages = columns.map(({ storage }) => storage);
  writer.begin(0, storages);
  await writer.write(
    batchOf(
      storages,
      columns.map(({ cells }) => cells),
    ),
  );
  const parts = await writer.end();
  await writer.close();
  const { open } = partOpener(directory, partName);
  const manifest = manifestOf(
    columns.map(({ name, type, source }) => column(name, type, source)),
    parts,
  );
  await use(manifest, open);
  await rm(directory, { recursive: true });
}

const text = (cells: Cell[]) => ({
  name: "t",
  type: "text" as const,
  storage: { kind: "text" } as const,
  cells: cells as TestCell[],
});

test("cells keep their values: numbers to 15 digits, the rest as text", async () => {
  await made(
    [
      {
        name: "i8",
        type: "int8",
        storage: { kind: "int8" },
        cells: [999_999_999_999_999n, -(2n ** 63n), 9_007_199_254_740_993n],
      },
      {
        name: "n",
        type: "numeric",
        source: "numeric(18,2)",
        storage: { kind: "decimal", scale: 2 },
        cells: [1230n, { escape: "NaN" }, 123_456_789_012_345_678n],
      },
      { name: "b", type: "bool", storage: { kind: "bool" }, cells: [true, false, null] },
      {
        name: "f",
        type: "float8",
        storage: { kind: "float8" },
        cells: [0.1 + 0.2, -0, Number.POSITIVE_INFINITY],
      },
      text(["=1+1", " <&> \u0001_x0041_\r\n\ufffe", ""]),
      {
        name: "d",
        type: "date",
        storage: { kind: "date" },
        cells: [20_778, { escape: "infinity" }, null],
      },
    ],
    async (manifest, open) => {
      const files = unzip(await bytesOf(xlsx(manifest, open)));
      const sheet = files["xl/worksheets/sheet1.xml"] ?? "";
      const rows = sheet.split("<row ").slice(1);
      expect(rows[1]).toContain(
        '<c r="A2"><v>999999999999999</v></c><c r="B2" s="3"><v>12.30</v></c><c r="C2" t="b"><v>1</v></c>' +
          '<c r="D2"><v>0.30000000000000004</v></c><c r="E2" t="inlineStr"><is><t>=1+1</t></is></c>' +
          '<c r="F2" t="inlineStr"><is><t>2026-11-21</t></is></c>',
      );
      expect(rows[2]).toContain(
        '<c r="A3" t="inlineStr"><is><t>-9223372036854775808</t></is></c><c r="B3" t="inlineStr"><is><t>NaN</t></is></c>' +
          '<c r="C3" t="b"><v>0</v></c><c r="D3" t="inlineStr"><is><t>-0</t></is></c>' +
          '<c r="E3" t="inlineStr"><is><t xml:space="preserve"> &lt;&amp;&gt; _x0001__x005F_x0041__x000D_\n_xFFFE_</t></is></c>',
      );
      expect(rows[3]).toContain(
        '<c r="A4" t="inlineStr"><is><t>9007199254740993</t></is></c><c r="B4" t="inlineStr"><is><t>1234567890123456.78</t></is></c>' +
          '<c r="D4" t="inlineStr"><is><t>Infinity</t></is></c><c r="E4" t="inlineStr"><is><t></t></is></c></row>',
      );
      expect(Object.keys(files).sort()).toEqual([
        "[Content_Types].xml",
        "_rels/.rels",
        "xl/_rels/workbook.xml.rels",
        "xl/styles.xml",
        "xl/workbook.xml",
        "xl/worksheets/sheet1.xml",
      ]);
    },
  );
});

test("the same result is the same file", async () => {
  await made([text(["a", null])], async (manifest, open) => {
    const [first, second] = [
      await bytesOf(xlsx(manifest, open)),
      await bytesOf(xlsx(manifest, open)),
    ];
    expect(first.equals(second)).toBe(true);
  });
});

test("a cell that a spreadsheet would cut is refused before anything is sent", async () => {
  await made([text(["a", "é".repeat(32_767), "x".repeat(32_768)])], async (manifest, open) => {
    const file = xlsx(manifest, open);
    await expect(file.next()).rejects.toThrow(NotExportableError);
    await expect(xlsx(manifest, open).next()).rejects.toThrow(
      'Row 3 of column "t" has 32768 characters',
    );
  });
  await made([text(["é".repeat(32_767)])], async (manifest, open) => {
    expect((await bytesOf(xlsx(manifest, open))).length).toBeGreaterThan(100);
  });
});

test("rows beyond a sheet go on in the next one", async () => {
  const manifest: ResultManifest = { columns: [], rows: 1_048_575 + 2, parts: [] };
  const files = unzip(await bytesOf(xlsx(manifest, () => Promise.reject(new Error("no part")))));
  expect(files["xl/workbook.xml"]).toContain('name="Result 2"');
  expect(files["xl/worksheets/sheet2.xml"]?.match(/<row /g)).toHaveLength(3);
  expect(files["xl/worksheets/sheet1.xml"]?.match(/<row /g)).toHaveLength(1_048_576);
});

test("an error in the middle fails the file", async () => {
  await made([text(Array.from({ length: 3 }, (_, row) => `r${row}`))], async (manifest, open) => {
    const file = xlsx({ ...manifest, rows: 5 }, open);
    await expect(bytesOf(file)).rejects.toThrow("no part holds row 3");
  });
});
