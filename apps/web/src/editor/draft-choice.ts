/** Of what this browser and the server keep of the same draft: which one is gone on with, and whether both must be kept. */
import type { DraftContent, Draft as ServerDraft } from "@quern/contract/drafts";
import { contentText, type Draft } from "../composables/drafts.ts";

/** What the server has of a draft. `content` is null where that is the saved query as it stands. */
export type DraftSide = {
  content: DraftContent | null;
  revision: number;
  device: string;
  updated_at: string;
};

type DraftChoice = {
  draft: Draft;
  /** The server's, when it says something else and neither was made from the other: both have to be kept. */
  other: DraftSide | null;
};

/**
 * `local` is newer when it was written on the server's revision; the server's is newer when all of `local` was sent. Otherwise
 * two devices wrote: the browser's stays in the editor, and the server's is `other`.
 */
export function chooseBetween(
  local: Draft | null,
  server: ServerDraft | null,
  base: Draft,
): DraftChoice {
  if (server === null) {
    const mine = local ?? base;
    // What the server forgot, it has to be told anew.
    return { draft: { ...mine, revision: 0, unsent: local !== null }, other: null };
  }
  const { content, revision } = server;
  const theirs: Draft = {
    ...base,
    ...(content ?? {}),
    changed_at: server.updated_at,
    revision,
    unsent: false,
  };
  if (local === null || (!local.unsent && local.revision !== revision))
    return { draft: theirs, other: null };
  if (local.revision === revision) return { draft: local, other: null };
  if (contentText(local) === contentText(theirs)) return { draft: theirs, other: null };
  const mine = { ...local, revision };
  return { draft: mine, other: content === null ? null : server };
}

/** What a browser is called, for its owner: `Firefox on Linux`. */
export function deviceName(userAgent: string): string {
  const browser =
    [
      ["Edg/", "Edge"],
      ["OPR/", "Opera"],
      ["Firefox/", "Firefox"],
      ["Chrome/", "Chrome"],
      ["Safari/", "Safari"],
    ].find(([sign]) => userAgent.includes(sign!))?.[1] ?? "Browser";
  const system =
    [
      ["Android", "Android"],
      ["iPhone", "iPhone"],
      ["iPad", "iPad"],
      ["Windows", "Windows"],
      ["Mac OS", "Mac"],
      ["CrOS", "ChromeOS"],
      ["Linux", "Linux"],
    ].find(([sign]) => userAgent.includes(sign!))?.[1] ?? null;
  return system === null ? browser : `${browser} · ${system}`;
}
