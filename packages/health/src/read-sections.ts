/** How the reading of a section stands: whole, refused, out of date. Each is a state that a page shows by design. */
import type { SectionState } from "@quern/contract/health/ranges";

export type Collected = Record<
  string,
  { status: string; code: string | null; hint: string | null; at: string }
>;
export type Freshness = {
  collectors: Collected;
  interval_s: number | null;
  last_taken_at: Date | null;
};

const MINUTE_MS = 60_000;
/** How seldom a section may come: agents read what is costly and what seldom changes less often. */
const SELDOM_MS: Readonly<Record<string, number>> = {
  tables: 5 * MINUTE_MS,
  indexes: 5 * MINUTE_MS,
  sequences: 60 * MINUTE_MS,
  settings: 24 * 60 * MINUTE_MS,
  schema: 24 * 60 * MINUTE_MS,
  bloat: 24 * 60 * MINUTE_MS,
  column_statistics: 24 * 60 * MINUTE_MS,
};
const MISSED = 3;

export const SECTIONS = [
  ...["statements", "tables", "indexes", "schema", "settings", "server", "activity"],
  ...["sequences", "bloat", "column_statistics"],
] as const;

/**
 * The state of `section`. `has_data`: something of it was ever stored, which is all that can be told of agents that do
 * not say how a reading went.
 */
export function sectionState(
  { collectors, interval_s, last_taken_at }: Freshness,
  section: string,
  has_data: boolean,
  now: Date = new Date(),
): SectionState {
  const told = collectors[section];
  const at = told?.at ?? (has_data ? (last_taken_at?.toISOString() ?? null) : null);
  const read_at = at === null ? null : new Date(at).toISOString();
  const { code = null, hint = null } = told ?? {};
  if (
    told !== undefined &&
    (told.status === "error" || (told.status === "skipped" && code !== null))
  )
    return { state: refusal(code), code, hint, at: read_at };
  if (!has_data) return { state: "no_data", code, hint, at: read_at };
  const usual_ms = Math.max((interval_s ?? 60) * 1000, SELDOM_MS[section] ?? 0);
  const late = (time: Date | null, usual: number) =>
    time !== null && now.getTime() - time.getTime() > MISSED * usual;
  const stale =
    late(last_taken_at, Math.max((interval_s ?? 60) * 1000, MINUTE_MS)) ||
    late(read_at === null ? null : new Date(read_at), usual_ms);
  return { state: stale ? "stale" : "ok", code, hint, at: read_at };
}

/** Words for `missing grants` and `not here` are the agent's; whatever else it says is a failure. */
function refusal(code: string | null): SectionState["state"] {
  if (code === "no_permission" || code === "insufficient_privilege") return "no_permission";
  return code === "not_supported" ? "not_supported" : "error";
}
