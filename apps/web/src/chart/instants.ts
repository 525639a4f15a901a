/** The zone of this device. */
export const viewerZone = (): string => new Intl.DateTimeFormat().resolvedOptions().timeZone;

type Offsets = { format: Intl.DateTimeFormat; known: Map<number, number> };
const zones = new Map<string, Offsets>();
/** No zone changes its offset within a quarter of an hour that starts at one. */
const QUARTER_HOUR = 900_000;
const MOST_KNOWN = 50_000;

/** Milliseconds that `zone` is ahead of UTC at `instant`. */
function offsetAt(instant: number, zone: string): number {
  if (zone === "UTC") return 0;
  let offsets = zones.get(zone);
  if (offsets === undefined) {
    const format = new Intl.DateTimeFormat("en-US", {
      timeZone: zone,
      hourCycle: "h23",
      era: "short",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
    offsets = { format, known: new Map() };
    zones.set(zone, offsets);
  }
  const quarter = Math.floor(instant / QUARTER_HOUR);
  const known = offsets.known.get(quarter);
  if (known !== undefined) return known;
  const at = quarter * QUARTER_HOUR;
  const part: Record<string, number> = {};
  for (const { type, value } of offsets.format.formatToParts(at)) part[type] = Number(value);
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = part;
  const offset = Date.UTC(year, month - 1, day, hour, minute, second) - at;
  if (offsets.known.size >= MOST_KNOWN) offsets.known.clear();
  offsets.known.set(quarter, offset);
  return offset;
}

/** What a clock in `zone` shows at `instant`, written as if it were UTC. */
export const wallOf = (instant: number, zone: string): number => instant + offsetAt(instant, zone);

/** The instant at which a clock in `zone` shows `wall`; in a gap the one after it, when it happens twice the first. */
export function instantAt(wall: number, zone: string): number {
  const early = wall - offsetAt(wall - 86_400_000, zone);
  if (wallOf(early, zone) === wall) return early;
  const late = wall - offsetAt(wall + 86_400_000, zone);
  return wallOf(late, zone) === wall ? late : Math.max(early, late);
}
