import type { RunSummary } from "@quern/contract/runs";

export type RunPage = {
  items: RunSummary[];
  next_cursor: string | null;
  searched_to: string | null;
};

/**
 * The pages of a history after its newest page was read anew: what is new stands before what was there. When more runs
 * came than a page holds, the gap cannot be told, and the list begins anew.
 */
export function mergeHead(pages: RunPage[], head: RunPage): RunPage[] {
  const [first, ...rest] = pages;
  if (first === undefined) return [head];
  const known = new Set(pages.flatMap((page) => page.items.map((run) => run.id)));
  const overlaps = head.items.some((run) => known.has(run.id));
  if (!overlaps && head.next_cursor !== null) return [head];
  const fresh = new Map(head.items.map((run) => [run.id, run]));
  const added = head.items.filter((run) => !known.has(run.id));
  const renewed = (page: RunPage): RunPage => ({
    ...page,
    items: page.items.map((run) => fresh.get(run.id) ?? run),
  });
  const renewedFirst = renewed(first);
  return [{ ...renewedFirst, items: [...added, ...renewedFirst.items] }, ...rest.map(renewed)];
}
