import { documentOf, schemaOf } from "../facts.ts";
import { keyOf, tablesOf, tableWork, tooShort } from "../facts-relations.ts";
import { advice, fact, found, judged, notEnough } from "../finding.ts";
import { qualified } from "../names.ts";
import type { Rule } from "../rule.ts";

const INDEXES = 10;
const FACTOR = 2;
const HEAP_BYTES = 10 * 1024 * 1024;
const HOURS = 24;

export const rule: Rule = {
  id: "over-indexed-table",
  title: "Table that is written more than read, with many indexes",
  category: "performance",
  explanation:
    "Each row that is written goes into every index, and an update cannot stay within its page when an indexed column changes. Here writes outnumber reads.",
  source:
    "Own: ten indexes, or indexes twice as large as the table, while more rows are written than scans are made.",
  weight: { info: 2, warning: 2, critical: 2 },
  caps: false,
  of: "database",
  every_s: 6 * 3600,
  needs: ["tables", "indexes", "schema"],
  engines: ["postgres"],
  async judge(subject) {
    const work = await tableWork(subject, HOURS);
    const short = tooShort(work);
    if (short) return short;
    const { indexes } = (await schemaOf(subject))!;
    const sizes = new Map(
      (await documentOf(subject, "indexes"))!.body.map((each) => [
        keyOf(each.schema, each.index),
        Number(each.size_bytes ?? 0),
      ]),
    );
    const stats = [...(await tablesOf(subject)).values()];
    if (stats.length > 0 && stats.every(({ heap_bytes }) => heap_bytes === undefined))
      return notEnough("This agent does not send sizes of tables; Quern's own does.");
    return judged(
      stats.flatMap(({ schema, table, heap_bytes }) => {
        const own = indexes.filter((index) => index.schema === schema && index.table === table);
        const heap = Number(heap_bytes ?? 0);
        const bytes = own.reduce((sum, { name }) => sum + (sizes.get(keyOf(schema, name)) ?? 0), 0);
        const { seq_scan, idx_scan, n_tup_ins, n_tup_upd, n_tup_del } = work.workOf(schema, table);
        const writes = n_tup_ins + n_tup_upd + n_tup_del;
        const many = own.length >= INDEXES || bytes > heap * FACTOR;
        if (!many || heap < HEAP_BYTES || writes <= seq_scan + idx_scan) return [];
        const evidence = [
          fact("indexes", own.length, "count", INDEXES),
          fact("index_bytes", bytes, "bytes", heap * FACTOR),
          fact("heap_bytes", heap, "bytes"),
          fact("rows_written", writes, "count"),
          fact("scans", seq_scan + idx_scan, "count"),
        ];
        const words =
          "Look at which of them are used (Tables, this table, Indexes): drop the unused, merge those that begin alike.";
        const window = { from: work.from, to: work.to };
        const object = qualified({ schema, name: table });
        return [
          found(object, "info", evidence, { confidence: "medium", window, fix: advice(words) }),
        ];
      }),
    );
  },
};
