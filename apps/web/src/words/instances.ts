import type { Instance, InstanceEnd, InstanceStatus } from "@quern/contract/instances";
import { t } from "../i18n/language.ts";

export const INSTANCE_WORDS: Record<InstanceStatus, string> = {
  starting: t("Starting"),
  running: t("Running"),
  resetting: t("Resetting"),
  ended: t("Ended"),
};

const END_WORDS: Record<InstanceEnd, string> = {
  stopped: t("It was stopped."),
  expired: t("Its time was over."),
  disk_limit: t("It needed more disk than it may use."),
  memory_limit: t("It needed more memory than it may use."),
  crashed: t("Its PostgreSQL crashed."),
  not_started: t("It could not be started."),
  sandbox_lost: t("The sandbox process went away."),
};

/** A countdown to the second: `12:03`, `3:00:12`, `2 d 3 h` further away. */
export function countdown(expiresAt: string, now: number): string {
  const seconds = Math.max(0, Math.floor((Date.parse(expiresAt) - now) / 1000));
  const two = (n: number) => String(n).padStart(2, "0");
  if (seconds >= 172_800)
    return t("{days} d {hours} h", {
      days: Math.floor(seconds / 86_400),
      hours: Math.floor((seconds % 86_400) / 3600),
    });
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  return hours > 0
    ? `${hours}:${two(minutes)}:${two(seconds % 60)}`
    : `${minutes}:${two(seconds % 60)}`;
}

/** What a person has to know of an instance that ended; null for one that has not. */
export function endWords(instance: Pick<Instance, "end_reason" | "end_detail">): string | null {
  if (instance.end_reason === null) return null;
  return [END_WORDS[instance.end_reason], instance.end_detail].filter(Boolean).join(" ");
}
