import type { Entry } from "./entry.ts";

export type Bounds = { max_bytes: number; max_age_ms: number };

/**
 * What has to go so that the rest is within the bounds, from entries in their order: what is too old; then every second
 * of the old ones of each database, which costs resolution and no time; then the oldest numbers; schemas last.
 */
export function overflow(
  entries: readonly Entry[],
  { max_bytes, max_age_ms }: Bounds,
  now: number,
): Entry[] {
  const gone = new Set(entries.filter((it) => now - it.created_at > max_age_ms));
  let bytes = sum(entries) - sum(gone);
  const drop = (entry: Entry) => {
    gone.add(entry);
    bytes -= entry.bytes;
  };
  const numbers = () => entries.filter((it) => !gone.has(it) && !it.schema);
  for (let left = numbers(); bytes > max_bytes && left.length > 1; left = numbers()) {
    const second = everySecond(left);
    if (second.length === 0) break;
    for (const entry of second) if (bytes > max_bytes) drop(entry);
  }
  const rest = [...numbers(), ...entries.filter((it) => !gone.has(it) && it.schema)];
  for (const entry of rest) if (bytes > max_bytes) drop(entry);
  return [...gone];
}

/** Of each database every second, from the oldest on, but never its oldest or its newest. */
function everySecond(entries: readonly Entry[]): Entry[] {
  const streams = new Map<string, Entry[]>();
  for (const entry of entries) {
    streams.set(entry.stream, [...(streams.get(entry.stream) ?? []), entry]);
  }
  const chosen = new Set(
    [...streams.values()].flatMap((stream) =>
      stream.filter((_, index) => index % 2 === 1 && index < stream.length - 1),
    ),
  );
  return entries.filter((entry) => chosen.has(entry));
}

function sum(entries: Iterable<Entry>): number {
  let bytes = 0;
  for (const entry of entries) bytes += entry.bytes;
  return bytes;
}
