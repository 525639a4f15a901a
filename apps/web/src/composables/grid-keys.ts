import type { GridSelection } from "./grid-selection.ts";

/** How far Alt+Shift with an arrow moves the edge of a column, px. */
const STEP = 16;

/** The keys of the grid besides those that move the selection. */
export function useGridKeys(config: {
  picked: GridSelection;
  copy: (withNames: boolean) => void;
  open: (what: "cell" | "row") => void;
  /** Opens the menu of the column in focus. */
  menu: () => void;
  widen: (by: number) => void;
  /** Moves the column in focus by so many places. */
  move: (by: number) => void;
}) {
  const { picked } = config;
  function deedOf(event: KeyboardEvent): (() => void) | null {
    const { key, shiftKey: shift, altKey: alt } = event;
    const mod = event.metaKey || event.ctrlKey;
    const sideways = key === "ArrowLeft" ? -1 : key === "ArrowRight" ? 1 : 0;
    if (alt && shift && sideways !== 0)
      return mod ? () => config.move(sideways) : () => config.widen(sideways * STEP);
    if (alt) return key === "ArrowDown" ? config.menu : null;
    if (mod && key.toLowerCase() === "c")
      return getSelection()?.toString() ? null : () => config.copy(shift);
    if (mod && key.toLowerCase() === "a") return picked.selectAll;
    if (!mod && (key === "Enter" || key === " ") && picked.selection.value)
      return () => config.open(shift ? "row" : "cell");
    return null;
  }

  return (event: KeyboardEvent): void => {
    const deed = deedOf(event);
    if (deed !== null) deed();
    else if (event.altKey || !picked.move(event)) return;
    event.preventDefault();
  };
}
