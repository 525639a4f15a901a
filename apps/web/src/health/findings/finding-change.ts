import type { Finding } from "@quern/contract/health/findings";

export type FindingChange = { snoozed_until?: string | null; muted_reason?: string | null };
/** What a deed needs to know of a finding, to be undone. */
export type Changeable = Pick<Finding, "id" | "snoozed_until" | "muted">;

/** What puts a finding back to how it was; a snooze that is over needs not come back. */
export function undoingOf(
  { snoozed_until, muted }: Changeable,
  change: FindingChange,
  now: number,
): FindingChange {
  const until = snoozed_until !== null && Date.parse(snoozed_until) > now ? snoozed_until : null;
  return {
    ...(change.snoozed_until === undefined ? {} : { snoozed_until: until }),
    ...(change.muted_reason === undefined ? {} : { muted_reason: muted?.reason ?? null }),
  };
}
