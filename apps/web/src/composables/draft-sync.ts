/** Keeps the server's copy of a draft within a second of the editor, so that another browser goes on where this one was. */
import {
  type DraftInput,
  readDraft as readServerDraft,
  writeDraft as writeServerDraft,
} from "@quern/contract/drafts";
import { useQueryClient } from "@tanstack/vue-query";
import { onScopeDispose, ref, shallowRef, watch } from "vue";
import { api } from "../api.ts";
import { type DraftSide, deviceName } from "../editor/draft-choice.ts";
import { randomId } from "../random-id.ts";
import { hasCode, isTrouble } from "../words/problems.ts";
import { useConnection } from "./connection.ts";
import { contentOf, contentText } from "./drafts.ts";
import type { DraftWork } from "./query-draft.ts";

const SEND_MS = 700;
const AGAIN_MS = 5_000;
/** Browsers let a page that closes send so much. */
const MOST_AT_CLOSE = 60_000;

/** What there is to say of a draft that two devices wrote: `id` is where the other text is kept, null for "taken over". */
export type DraftNews = { device: string; updated_at: string; id: string | null };

export function useDraftSync(config: {
  work: DraftWork;
  /** The draft's id on the server. */
  id: string;
  queryId: () => string | null;
  /** False for people who have no drafts. */
  enabled: () => boolean;
}) {
  const { work, id } = config;
  const queries = useQueryClient();
  const news = shallowRef<DraftNews | null>(null);
  const trouble = shallowRef<unknown>(null);
  const sending = ref(false);
  let timer: ReturnType<typeof setTimeout> | undefined;
  /** A draft that the server does not know is told to it once there is something to keep. */
  let told = work.draft.value.revision > 0;
  let orphan = false;
  let discarded = false;
  /** Whether the list of drafts says already that there is unsaved text. */
  let saidChanged = false;
  // What is sent when the page closes must not wait for, nor lose to, what is on its way.
  const writer = randomId();
  let writes = 0;

  const input = (): DraftInput => ({
    query_id: orphan ? null : config.queryId(),
    content: work.dirty.value ? contentOf(work.draft.value) : null,
    revision: work.draft.value.revision,
    device: deviceName(navigator.userAgent),
    writer: { id: writer, n: ++writes },
  });
  const worthwhile = () => told || work.dirty.value || config.queryId() !== null;

  function later(ms: number): void {
    if (discarded || !config.enabled()) return;
    timer ??= setTimeout(() => {
      timer = undefined;
      void send();
    }, ms);
  }

  async function send(): Promise<void> {
    if (discarded || !worthwhile() || !config.enabled()) return;
    if (sending.value) return later(SEND_MS);
    sending.value = true;
    const body = input();
    const sent = work.text.value;
    try {
      const head = await api.call(writeServerDraft, { params: { id }, body });
      const first = !told;
      told = true;
      trouble.value = null;
      work.noteSent(head.revision, sent);
      if (first || saidChanged !== head.changed)
        void queries.invalidateQueries({ queryKey: ["drafts"] });
      saidChanged = head.changed;
    } catch (error) {
      if (!isTrouble(error)) throw error;
      await mend(error);
    } finally {
      sending.value = false;
    }
    if (work.draft.value.unsent && trouble.value === null) later(SEND_MS);
  }

  async function mend(error: unknown): Promise<void> {
    if (hasCode(error, "version_conflict")) return reconcile();
    if (hasCode(error, "not_found") && !orphan && config.queryId() !== null) {
      // The query is gone, or is no longer this person's to see: the text is kept without it.
      orphan = true;
      return later(0);
    }
    trouble.value = error;
    later(AGAIN_MS);
  }

  /** Another device wrote in between. Its text gets a draft of its own, then this one's is kept over it. */
  async function reconcile(): Promise<void> {
    try {
      const theirs = await api.call(readServerDraft, { params: { id: config.queryId() ?? id } });
      await keepBoth(theirs);
    } catch (error) {
      if (!isTrouble(error)) throw error;
      if (hasCode(error, "not_found")) work.draft.value.revision = 0;
      else trouble.value = error;
    }
    later(0);
  }

  async function keepBoth(theirs: DraftSide): Promise<void> {
    work.draft.value.revision = theirs.revision;
    const { content, device, updated_at } = theirs;
    if (content === null || contentText(content) === work.text.value) return;
    if (!work.dirty.value) {
      work.takeOver(theirs);
      news.value = { device, updated_at, id: null };
      return;
    }
    const copy = randomId();
    const body: DraftInput = { query_id: null, content, revision: 0, device, copied: true };
    await api.call(writeServerDraft, { params: { id: copy }, body });
    news.value = { device, updated_at, id: copy };
    void queries.invalidateQueries({ queryKey: ["drafts"] });
  }

  /** Back at this window: what another device wrote meanwhile is gone on with, unless something was typed here, too. */
  async function lookAgain(): Promise<void> {
    if (document.visibilityState !== "visible" || !told || discarded || !config.enabled()) return;
    if (work.draft.value.unsent || sending.value) return;
    try {
      const theirs = await api.call(readServerDraft, { params: { id: config.queryId() ?? id } });
      if (theirs.revision === work.draft.value.revision || work.draft.value.unsent) return;
      if (contentText(theirs.content ?? work.draft.value) === work.text.value)
        work.draft.value.revision = theirs.revision;
      else {
        work.takeOver(theirs);
        news.value = { device: theirs.device, updated_at: theirs.updated_at, id: null };
      }
    } catch (error) {
      // Nothing to go on with: it was discarded elsewhere, or the server is away.
      if (!isTrouble(error)) throw error;
    }
  }

  /** The page closes: what was typed in the last moments still goes out. A longer text waits in this browser. */
  function sendAtClose(): void {
    work.flush();
    if (!work.draft.value.unsent || discarded || !worthwhile() || !config.enabled()) return;
    const body = JSON.stringify(input());
    if (body.length > MOST_AT_CLOSE) return;
    void fetch(api.url(writeServerDraft, { params: { id } }), {
      method: "PUT",
      keepalive: true,
      credentials: "same-origin",
      headers: { "content-type": "application/json" },
      body,
      // The page is gone before an answer comes.
    }).catch(() => undefined);
  }

  watch([work.text, work.dirty], () => later(SEND_MS));
  watch(useConnection().connection, (state) => {
    if (state === "back" && work.draft.value.unsent) later(0);
  });
  addEventListener("pagehide", sendAtClose);
  document.addEventListener("visibilitychange", lookAgain);
  addEventListener("focus", lookAgain);
  onScopeDispose(() => {
    removeEventListener("pagehide", sendAtClose);
    document.removeEventListener("visibilitychange", lookAgain);
    removeEventListener("focus", lookAgain);
    clearTimeout(timer);
    timer = undefined;
    sendAtClose();
  });
  if (work.other !== null && config.enabled()) void keepBoth(work.other).then(() => later(0));
  else later(work.draft.value.unsent ? 0 : SEND_MS);

  return {
    id,
    news,
    trouble,
    /** The draft is thrown away: nothing more is sent. */
    discard(): void {
      discarded = true;
      clearTimeout(timer);
    },
  };
}
