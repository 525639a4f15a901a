/** How a long result is cut for fetching. */

/** Rows of a block for so many columns: about 20,000 cells, so that wide results stay quick as well. */
export function blockRows(columns: number): number {
  return Math.max(20, Math.min(500, Math.floor(20_000 / Math.max(1, columns))));
}

/** The blocks that hold rows `first` to `end` (without `end`). */
export function blocksOf(first: number, end: number, size: number): number[] {
  const blocks: number[] = [];
  for (let block = Math.floor(first / size); block * size < end; block += 1) blocks.push(block);
  return blocks;
}
