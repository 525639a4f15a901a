import type { EvictedWhy, EvictionItem, Layer } from "@quern/contract/layers";
import { t } from "../i18n/language.ts";
import { formatAge } from "./instants.ts";

const WHY: Record<EvictedWhy, string> = {
  capacity: t("for room"),
  expired: t("its time was up"),
  asked: t("by a person"),
  lost: t("its directory was gone"),
  unclean: t("the machine went down before it was on the disk"),
};

/** `evicted 3 min ago: for room`. */
export function evictedWords(evicted: NonNullable<Layer["evicted"]>, now: number): string {
  return t("evicted {age}: {why}", { age: formatAge(evicted.at, now), why: WHY[evicted.why] });
}

export const BLOCKED_WORDS: Record<NonNullable<EvictionItem["blocked"]>, string> = {
  in_use: t("stays: it is in use"),
  pinned: t("stays: it is pinned"),
  has_descendants: t("stays: others share its blocks"),
};
