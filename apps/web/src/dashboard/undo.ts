/** What was done, so that it can be undone and done again. A state is a value and is never changed in place. */
export type Undo<T> = {
  past: readonly T[];
  now: T;
  future: readonly T[];
  /** What the last step was and when (ms), so that many small steps of one kind become one. */
  last: { kind: string; at: number } | null;
};

/** Steps of one kind within this time are undone together. */
const TOGETHER_MS = 1_000;
const KEPT = 100;

export function undoOf<T>(now: T): Undo<T> {
  return { past: [], now, future: [], last: null };
}

/** `next` is the state now. `kind` names the step; steps of the same kind in quick succession are one. */
export function stepped<T>(undo: Undo<T>, next: T, kind: string, at: number): Undo<T> {
  if (next === undo.now) return undo;
  const together = undo.last?.kind === kind && at - undo.last.at < TOGETHER_MS;
  return {
    past: together && undo.past.length > 0 ? undo.past : [...undo.past, undo.now].slice(-KEPT),
    now: next,
    future: [],
    last: { kind, at },
  };
}

export function undone<T>(undo: Undo<T>): Undo<T> {
  const before = undo.past.at(-1);
  if (before === undefined) return undo;
  return {
    past: undo.past.slice(0, -1),
    now: before,
    future: [undo.now, ...undo.future],
    last: null,
  };
}

export function redone<T>(undo: Undo<T>): Undo<T> {
  const [after, ...future] = undo.future;
  if (after === undefined) return undo;
  return { past: [...undo.past, undo.now], now: after, future, last: null };
}
