export type Place = { row: number; column: number };
/** Cells from `anchor` to `focus`, both included, whichever way round. */
export type Selection = { anchor: Place; focus: Place };
export type Box = { top: number; bottom: number; left: number; right: number };

export function boxOf(selection: Selection): Box {
  const { anchor, focus } = selection;
  return {
    top: Math.min(anchor.row, focus.row),
    bottom: Math.max(anchor.row, focus.row),
    left: Math.min(anchor.column, focus.column),
    right: Math.max(anchor.column, focus.column),
  };
}

export function isInside(box: Box, row: number, column: number): boolean {
  return row >= box.top && row <= box.bottom && column >= box.left && column <= box.right;
}

export function cellCount(box: Box): number {
  return (box.bottom - box.top + 1) * (box.right - box.left + 1);
}

export type Bounds = { rows: number; columns: number; pageRows: number };
type Key = { key: string; shift: boolean; mod: boolean };

/** Where the arrow and page keys lead, as in a spreadsheet; null for keys that do not move. */
export function moveBy(
  selection: Selection,
  { key, shift, mod }: Key,
  bounds: Bounds,
): Selection | null {
  const { row, column } = selection.focus;
  const lastRow = bounds.rows - 1;
  const lastColumn = bounds.columns - 1;
  const moves: Record<string, Place> = {
    ArrowUp: { row: mod ? 0 : row - 1, column },
    ArrowDown: { row: mod ? lastRow : row + 1, column },
    ArrowLeft: { row, column: mod ? 0 : column - 1 },
    ArrowRight: { row, column: mod ? lastColumn : column + 1 },
    PageUp: { row: row - bounds.pageRows, column },
    PageDown: { row: row + bounds.pageRows, column },
    Home: { row: mod ? 0 : row, column: 0 },
    End: { row: mod ? lastRow : row, column: lastColumn },
  };
  const target = moves[key];
  if (target === undefined) return null;
  const focus = {
    row: Math.max(0, Math.min(lastRow, target.row)),
    column: Math.max(0, Math.min(lastColumn, target.column)),
  };
  return { anchor: shift ? selection.anchor : focus, focus };
}
