/** The scrubber of samples: many samples on few pixels, and the way from one to the next. */

export type Sample = { at: string; active: number; blocked: number; longest_wait_s: number | null };

/** What a column of the scrubber stands for; the worst of its samples. `at` is of that one. */
type ScrubColumn = {
  at: string;
  active: number;
  blocked: number;
  longest_wait_s: number | null;
  samples: number;
};

/**
 * `count` columns of equal time after `from` until `to`; null where no sample is: nothing is known of it. The sample that
 * stands for a column is the one with the most blocked sessions, then the most active.
 */
export function scrubColumns(
  samples: readonly Sample[],
  from: number,
  to: number,
  count: number,
): (ScrubColumn | null)[] {
  const columns: (ScrubColumn | null)[] = Array.from({ length: count }, () => null);
  for (const { at, active, blocked, longest_wait_s } of samples) {
    const place = columnAt(Date.parse(at), from, to, count);
    if (place === null) continue;
    const before = columns[place];
    if (before == null) {
      columns[place] = { at, active, blocked, longest_wait_s, samples: 1 };
      continue;
    }
    const worse =
      blocked > before.blocked || (blocked === before.blocked && active > before.active);
    columns[place] = {
      at: worse ? at : before.at,
      active: Math.max(active, before.active),
      blocked: Math.max(blocked, before.blocked),
      longest_wait_s: largest(longest_wait_s, before.longest_wait_s),
      samples: before.samples + 1,
    };
  }
  return columns;
}

const largest = (left: number | null, right: number | null): number | null =>
  left === null ? right : right === null ? left : Math.max(left, right);

/** The column that `at` (ms) is in; null outside of the range. */
export function columnAt(at: number, from: number, to: number, count: number): number | null {
  if (!(at >= from && at <= to) || to <= from) return null;
  return Math.min(count - 1, Math.floor(((at - from) / (to - from)) * count));
}

/** The time of the nearest column that has a sample; null when none has. */
export function nearestColumn(
  columns: readonly (ScrubColumn | null)[],
  place: number,
): string | null {
  for (let far = 0; far < columns.length; far += 1) {
    const found = columns[place - far] ?? columns[place + far];
    if (found != null) return found.at;
  }
  return null;
}

/** The first sample after (`step` 1) or the last before (-1) `at` that has a blocked session; null when there is none. */
export function blockedSample(
  samples: readonly Sample[],
  at: string | null,
  step: 1 | -1,
): string | null {
  const now = at === null ? Number.POSITIVE_INFINITY : Date.parse(at);
  const blocked = samples.filter(({ blocked }) => blocked > 0);
  const found =
    step === 1
      ? blocked.find((each) => Date.parse(each.at) > now)
      : blocked.findLast((each) => Date.parse(each.at) < now);
  return found?.at ?? null;
}
