import type { Cell } from "@quern/contract/results";
import { readRunRows } from "@quern/contract/run-results";
import { onScopeDispose, shallowRef } from "vue";
import { api } from "../api.ts";
import { blockRows, blocksOf } from "../grid/blocks.ts";
import { isTrouble } from "../words/problems.ts";

/** `total` grows while the run goes on. */
export type ResultSource = {
  runId: string;
  statement: number;
  columns: number;
  total: () => number;
};
export type ResultRows = ReturnType<typeof useResultRows>;

/** Blocks kept in memory; those not looked at for the longest time go first. */
const KEPT = 60;
/** A block whose rows are larger stays incomplete: the tab would run out of memory. */
const BLOCK_CHARACTERS = 64 * 1024 ** 2;
/** While somebody drags the scroll bar, rows that are passed over are not fetched. */
const SETTLE_MS = 40;

/** The rows of one statement's result, fetched in blocks as they are needed. */
export function useResultRows(source: ResultSource) {
  const size = blockRows(source.columns);
  const blocks = new Map<number, Cell[][]>();
  const underway = new Map<number, Promise<void>>();
  /** The total when a block was read: the last block of a result that still grows is short, and is read again. */
  const knownTotal = new Map<number, number>();
  const changes = shallowRef(0);
  const error = shallowRef<Error | null>(null);
  const stop = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  onScopeDispose(() => {
    clearTimeout(timer);
    stop.abort();
  });

  // Very large cells make the server's pages shorter than asked for: the rest of the block is asked for next.
  async function load(block: number): Promise<void> {
    const total = source.total();
    const wanted = Math.min(size, total - block * size);
    knownTotal.set(block, total);
    const rows: Cell[][] = [];
    let characters = 0;
    while (rows.length < wanted && characters < BLOCK_CHARACTERS) {
      const page = await api.call(readRunRows, {
        params: { id: source.runId },
        query: {
          offset: block * size + rows.length,
          limit: wanted - rows.length,
          statement: source.statement,
        },
        signal: stop.signal,
      });
      if (page.rows.length === 0) break;
      rows.push(...page.rows);
      characters += charactersOf(page.rows);
      blocks.set(block, rows);
      changes.value += 1;
    }
    if (rows.length === 0) blocks.set(block, rows);
    for (const oldest of blocks.keys()) {
      if (blocks.size <= KEPT) break;
      blocks.delete(oldest);
    }
    changes.value += 1;
  }

  function fetchBlock(block: number): Promise<void> {
    const running = underway.get(block);
    if (running) return running;
    const promise = load(block)
      .catch((problem: unknown) => {
        blocks.delete(block);
        throw problem;
      })
      .finally(() => underway.delete(block));
    underway.set(block, promise);
    return promise;
  }

  function touch(block: number): boolean {
    const rows = blocks.get(block);
    if (rows === undefined) return false;
    const before = knownTotal.get(block) ?? 0;
    if (before < source.total() && before < (block + 1) * size) return false;
    blocks.delete(block);
    blocks.set(block, rows);
    return true;
  }

  async function fetchShown(wanted: number[]): Promise<void> {
    try {
      await Promise.all(wanted.map(fetchBlock));
      error.value = null;
    } catch (problem) {
      if (stop.signal.aborted) return;
      if (!isTrouble(problem)) throw problem;
      error.value = problem;
    }
  }

  return {
    /** Counts up whenever rows came: read it where rows are drawn. */
    changes,
    error,
    /** Sees to it that rows `first` to `end` (without `end`) come. */
    need(first: number, end: number): void {
      clearTimeout(timer);
      const missing = () =>
        blocksOf(first, Math.min(end, source.total()), size).filter((block) => !touch(block));
      const wanted = missing();
      if (wanted.length === 0) return;
      if (blocks.size === 0) void fetchShown(wanted);
      else timer = setTimeout(() => void fetchShown(missing()), SETTLE_MS);
    },
    rowAt(row: number): Cell[] | null {
      return blocks.get(Math.floor(row / size))?.[row % size] ?? null;
    },
    /** The rows that are there already, from the first on. */
    firstRows(): Cell[][] {
      return blocks.get(0) ?? [];
    },
    /** Rows `first` to `end` (without `end`), fetched where they are missing. Throws what the API throws. */
    async readAll(first: number, end: number): Promise<Cell[][]> {
      const rows: Cell[][] = [];
      for (const block of blocksOf(first, end, size)) {
        if (underway.has(block) || !touch(block)) await fetchBlock(block);
        const start = block * size;
        rows.push(...(blocks.get(block) ?? []).slice(Math.max(0, first - start), end - start));
      }
      return rows;
    },
  };
}

function charactersOf(rows: Cell[][]): number {
  return rows.reduce(
    (sum, row) =>
      row.reduce<number>((all, cell) => all + (typeof cell === "string" ? cell.length : 8), sum),
    0,
  );
}
