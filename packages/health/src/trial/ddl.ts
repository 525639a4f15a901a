/** Pieces of a schema that is made again, and what is missing of it. */
import type { TrialGap } from "@quern/contract/health/trials";

/** What `quern_trial.make` takes: a statement, or a table by its columns. */
export type Item = { kind: TrialGap["kind"]; object: string; sql: string } | TableItem;
export type TableItem = {
  kind: "table";
  object: string;
  columns: {
    name: string;
    type: string;
    not_null: boolean;
    identity: string;
    generated: string | null;
    kept: "stored" | "virtual";
  }[];
  unlogged: boolean;
  parent: string | null;
  modulus: number;
  remainder: number;
  partition_by: string | null;
};

export type Ddl = { items: Item[]; gaps: TrialGap[] };

export function item(kind: TrialGap["kind"], object: string, sql: string): Item {
  return { kind, object, sql };
}

export function gap(
  kind: TrialGap["kind"],
  object: string,
  reason: TrialGap["reason"],
  more: Partial<TrialGap> = {},
): TrialGap {
  return { kind, object, how: "left_out", reason, detail: null, count: 1, ...more };
}

/** One line for many; none for none. */
export function several(
  kind: TrialGap["kind"],
  count: number,
  reason: TrialGap["reason"],
  more: Partial<TrialGap> = {},
): TrialGap[] {
  return count === 0 ? [] : [gap(kind, "", reason, { count, ...more })];
}

/** A parameter stands where a literal was, which was not sent. */
export const hasLiterals = (text: string) => /\$\d|<(?:unparsable|too long) /.test(text);
