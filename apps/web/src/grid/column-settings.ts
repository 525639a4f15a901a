/**
 * How the columns of a table are shown: order, names, widths, which are hidden or pinned, formats and colours. Settings
 * name columns by name, as the n-th of its name where names repeat; settings of a column that the result has no more are
 * kept, since it may come back.
 */
import type { TableColumn } from "@quern/contract/chart-config";
import type { Column } from "@quern/contract/results";
import { columnTitle } from "./cell-look.ts";

/** A column of the result in the order of showing. `index` is its place in the result's rows. */
export type ArrangedColumn = { index: number; column: Column; settings: TableColumn };

/** All columns in their order, hidden ones too; those that no setting names come last, in the order of the result. */
export function arrange(columns: Column[], settings: TableColumn[]): ArrangedColumn[] {
  const byName = new Map<string, number[]>();
  columns.forEach((column, index) => {
    const known = byName.get(column.name);
    if (known) known.push(index);
    else byName.set(column.name, [index]);
  });
  const arranged: ArrangedColumn[] = [];
  const named = new Set<number>();
  for (const each of settings) {
    const index = byName.get(each.name)?.find((candidate) => !named.has(candidate));
    const column = index === undefined ? undefined : columns[index];
    if (index === undefined || column === undefined) continue;
    named.add(index);
    arranged.push({ index, column, settings: each });
  }
  columns.forEach((column, index) => {
    if (!named.has(index)) arranged.push({ index, column, settings: { name: column.name } });
  });
  return arranged;
}

/** The columns to draw: pinned ones first, no hidden ones. */
export function shownColumns(arranged: ArrangedColumn[]): ArrangedColumn[] {
  const shown = arranged.filter(({ settings }) => !settings.hidden);
  return [
    ...shown.filter(({ settings }) => settings.pinned),
    ...shown.filter(({ settings }) => !settings.pinned),
  ];
}

/** What stands over a column: its label, else its name. */
export function headOf({ column, settings }: ArrangedColumn): string {
  return settings.label || columnTitle(column);
}

/** Settings for the columns as arranged, and those of `before` whose columns are gone; none where nothing is unusual. */
export function settingsOf(arranged: ArrangedColumn[], before: TableColumn[]): TableColumn[] {
  const used = new Set(arranged.map((each) => each.settings));
  const gone = before.filter((each) => !used.has(each) && !arranged.some(sameName(each)));
  const usual = arranged.every(
    (each, place) => each.index === place && Object.keys(tidy(each.settings)).length === 1,
  );
  return usual && gone.length === 0
    ? []
    : [...arranged.map((each) => tidy(each.settings)), ...gone];
}

const sameName = (setting: TableColumn) => (each: ArrangedColumn) =>
  each.column.name === setting.name;

/** Without what says nothing: a column that is not hidden has no `hidden`. */
function tidy(settings: TableColumn): TableColumn {
  const kept = Object.entries(settings).filter(
    ([key, value]) => key === "name" || (value !== undefined && value !== false && value !== ""),
  );
  return Object.fromEntries(kept) as TableColumn;
}

/** What a person sets; `undefined` takes a setting away. */
export type ColumnChange = { [K in keyof Omit<TableColumn, "name">]?: TableColumn[K] | undefined };

/** Changes the settings of the column that is at `index` in the result. */
export function changeColumn(
  arranged: ArrangedColumn[],
  index: number,
  change: ColumnChange,
): ArrangedColumn[] {
  return arranged.map((each) =>
    each.index === index
      ? { ...each, settings: tidy({ ...each.settings, ...change } as TableColumn) }
      : each,
  );
}

/** Moves the column at place `from` to place `to`. */
export function moveColumn(arranged: ArrangedColumn[], from: number, to: number): ArrangedColumn[] {
  const next = [...arranged];
  const [moved] = next.splice(from, 1);
  if (moved === undefined) return arranged;
  next.splice(Math.max(0, Math.min(next.length, to)), 0, moved);
  return next;
}

/** A short name for results that have these columns, by FNV-1a over their names. */
export function columnsKey(columns: Column[]): string {
  let hash = 0x811c9dc5;
  for (const character of columns.map(({ name }) => name).join("\n")) {
    hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  }
  return `columns-${columns.length}-${(hash >>> 0).toString(36)}`;
}
