/** The answers of a script's statements on their way into its result. */
import type { Storage } from "@quern/contract/batch";
import type { Column, Truncated } from "@quern/contract/results";
import type { Place } from "@quern/psql/session";
import type { Sink } from "../connector.ts";
import type { FieldDescription } from "./messages.ts";
import { type RowLimits, type RowReader, rowReader } from "./rows.ts";
import { affected, isSelect, tagOfCut } from "./statement-tags.ts";
import { textStorageOf } from "./text-cells.ts";
import { columnType, sourceType, storageOf } from "./types.ts";

export type ResultSink = Omit<Sink, "started" | "notice">;

export type ScriptRows = {
  /** Says of a text where it stands in the run's own; both 0 when it does not. */
  spanOf(place: Place, sql: string): { start: number; end: number };
  sink: ResultSink;
  limits: RowLimits;
};

/** What is kept of one statement's answer. */
export type AnswerRows = {
  /** Takes a DataRow's body; true when `handOn` has to come first. Rows beyond a limit are not kept. */
  add(buffer: Buffer, start: number, end: number): boolean;
  handOn(): Promise<void>;
  /** Which limit was passed. */
  truncated(): Truncated;
  reader: RowReader;
  end(command: string | null): Promise<void>;
};

export function columnsOf(
  fields: FieldDescription[],
  found: ReadonlyMap<string, string> = new Map(),
): Column[] {
  return fields.map((field) => ({
    name: field.name.toWellFormed(),
    type: columnType(field.type_oid),
    source_type: sourceType(field.type_oid, field.typmod) ?? found.get(typeKey(field)) ?? "unknown",
  }));
}

/** Stands for a type with its modifier, where only the catalog knows its name. */
export function typeKey(field: Pick<FieldDescription, "type_oid" | "typmod">): string {
  return `${field.type_oid}/${field.typmod}`;
}

export function storagesOf(fields: FieldDescription[], as: "binary" | "text"): Storage[] {
  const one = as === "binary" ? storageOf : textStorageOf;
  return fields.map(({ type_oid, typmod }) => one(type_oid, typmod));
}

/** The lines of COPY … TO STDOUT, as rows of one column. */
export const COPY_COLUMN: Column = { name: "copy", type: "text", source_type: "text" };

/** Numbers the answers of a session. `onRepair` as of a conversation. */
export function answerRows({ spanOf, sink, limits }: ScriptRows) {
  let next = 0;
  return async (
    text: { place: Place; sql: string },
    columns: Column[] | null,
    storages: Storage[],
    options: { as_text: boolean; onRepair: (() => void) | null },
  ): Promise<AnswerRows> => {
    const began = performance.now();
    const index = next++;
    const span = spanOf(text.place, text.sql);
    await sink.statement({ index, ...span, columns, storages });
    const named = storages.map((storage, at) => ({ name: columns?.[at]?.name ?? "", storage }));
    const reader = rowReader(named, limits, options);
    let truncated: Truncated = null;
    return {
      reader,
      add(...row) {
        if (truncated !== null) return false;
        const verdict = reader.add(...row);
        if (verdict === "rows" || verdict === "bytes") truncated = verdict;
        return verdict === "full";
      },
      async handOn() {
        const batch = reader.take();
        if (batch !== null) await sink.batch(batch);
      },
      truncated: () => truncated,
      async end(command) {
        const tag = truncated === null ? command : null;
        await sink.end({
          index,
          command: tag ?? tagOfCut(text.sql, reader.rows()),
          rows: reader.rows(),
          rows_affected: columns === null || !isSelect(tag) ? affected(tag) : null,
          bytes: reader.bytes(),
          truncated,
          duration_ms: performance.now() - began,
        });
      },
    };
  };
}
