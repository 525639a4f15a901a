/** An edit that is not saved yet, kept by this browser: closing the tab loses nothing. */
import { Dashboard } from "@quern/contract/dashboards";
import { z } from "zod";
import { store } from "../composables/stored.ts";
import type { Draft } from "./draft.ts";

const DraftShape = Dashboard.pick({
  name: true,
  description: true,
  params: true,
  settings: true,
  tiles: true,
});
const Kept = z.object({ version: z.number(), at: z.number(), base: DraftShape, draft: DraftShape });
/** `base` is what the edit began with: version `version`. */
export type KeptDraft = { version: number; at: number; base: Draft; draft: Draft };

const keyOf = (userId: string, id: string) => `quern:dashboard-draft:${userId}:${id}`;

/** The edit that was kept; null when there is none, or it is of a version of Quern that kept it otherwise. */
export function readKeptDraft(userId: string, id: string): KeptDraft | null {
  const text = localStorage.getItem(keyOf(userId, id));
  if (text === null) return null;
  try {
    return Kept.safeParse(JSON.parse(text)).data ?? null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/** False when the browser has no room for it. null forgets it. */
export function keepDraft(userId: string, id: string, kept: KeptDraft | null): boolean {
  return store(keyOf(userId, id), kept === null ? null : JSON.stringify(kept));
}
