/** What this browser keeps of the texts in its editors, at each key stroke. The server has them within a second: draft-sync.ts. */
import { Limits } from "@quern/contract/datasources";
import type { DraftContent } from "@quern/contract/drafts";
import { Parameter } from "@quern/contract/parameters";
import { z } from "zod";
import { readStored, store } from "./stored.ts";

/** What somebody wrote and has not saved. `base_version` is the version it began from. */
export const Draft = z.object({
  sql: z.string(),
  datasource_id: z.string().nullable(),
  limits: Limits.partial(),
  /** Definitions, also of `{{ }}` that the text does not have at the moment. Drafts of older versions have none. */
  params: z.array(Parameter).default([]),
  base_version: z.number().nullable(),
  changed_at: z.string(),
  /** The server's revision that it was written on; 0 when the server had none. */
  revision: z.number().default(0),
  /** The server does not have it yet. */
  unsent: z.boolean().default(true),
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

/** The part of a draft that the server keeps. */
export function contentOf(draft: Draft): DraftContent {
  const { sql, datasource_id, limits, params, base_version } = draft;
  return { sql, datasource_id, limits, params: params.slice(0, 100), base_version };
}

/** One text for what a draft says, whatever the order of the fields of its definitions, which the server changes. */
export function contentText(
  content: Pick<DraftContent, "sql" | "datasource_id" | "limits" | "params">,
): string {
  const { sql, datasource_id, limits, params } = content;
  return JSON.stringify([sql, datasource_id, limits, params], (_, value: unknown) =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
}
