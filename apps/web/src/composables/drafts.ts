import { Limits } from "@quern/contract/datasources";
import { Parameter } from "@quern/contract/parameters";
import { z } from "zod";
import { readStored, store } from "./stored.ts";

/** What somebody wrote and has not saved, kept by this browser. `base_version` is the version it began from. */
export const Draft = z.object({
  sql: z.string(),
  datasource_id: z.string().nullable(),
  limits: Limits.partial(),
  /** Definitions, also of `{{ }}` that the text does not have at the moment. Drafts of older versions have none. */
  params: z.array(Parameter).default([]),
  base_version: z.number().nullable(),
  changed_at: z.string(),
});
export type Draft = z.infer<typeof Draft>;

/** What a page that leads to the editor puts into it, by the state of the navigation. */
export const Handed = z
  .object({ sql: z.string().catch(""), params: z.array(Parameter).catch([]) })
  .catch({ sql: "", params: [] });

const prefix = (userId: string) => `quern:draft:${userId}:`;

/** Where the draft of a saved query, or of a new one by its draft id, is kept. */
export function draftKey(userId: string, queryId: string | null, draftId: string): string {
  return prefix(userId) + (queryId ?? `new:${draftId}`);
}

export function readDraft(key: string): Draft | null {
  const stored = Draft.safeParse(readStored(key, (_): _ is unknown => true, null));
  return stored.success ? stored.data : null;
}

/** False when the browser has no room left. */
export function writeDraft(key: string, draft: Draft | null): boolean {
  return store(key, draft === null ? null : JSON.stringify(draft));
}

/** The person's new queries that were never saved, the last written first. */
export function listNewDrafts(userId: string): { draftId: string; draft: Draft }[] {
  const start = `${prefix(userId)}new:`;
  return Object.keys(localStorage)
    .filter((key) => key.startsWith(start))
    .flatMap((key) => {
      const draft = readDraft(key);
      return draft === null ? [] : [{ draftId: key.slice(start.length), draft }];
    })
    .sort((a, b) => b.draft.changed_at.localeCompare(a.draft.changed_at));
}
