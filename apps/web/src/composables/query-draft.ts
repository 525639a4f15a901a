import type { Draft as ServerDraft } from "@quern/contract/drafts";
import type { Query, QueryVersion } from "@quern/contract/queries";
import { computed, onScopeDispose, ref, watch } from "vue";
import { chooseBetween, type DraftSide } from "../editor/draft-choice.ts";
import { contentText, type Draft, readDraft, writeDraft } from "./drafts.ts";

const WRITE_MS = 250;

function fromSaved(saved: Query): Draft {
  return {
    sql: saved.sql,
    datasource_id: saved.datasource.id,
    limits: { ...saved.limits },
    params: saved.params,
    base_version: saved.version,
    changed_at: saved.updated_at,
    revision: 0,
    unsent: false,
  };
}

export type DraftWork = ReturnType<typeof useQueryDraft>;

/**
 * What is in the editor: begins as what this browser or the server keeps of it, whichever is newer, else as the saved
 * query, else as `fresh`. It is written to the browser's storage shortly after each change, so that neither a reload nor a
 * crash loses it.
 */
export function useQueryDraft(config: {
  key: string;
  saved: Query | null;
  fresh: Partial<Draft>;
  server: ServerDraft | null;
}) {
  let key = config.key;
  const base = ref<Draft>(
    config.saved
      ? fromSaved(config.saved)
      : {
          sql: "",
          datasource_id: null,
          limits: {},
          params: [],
          base_version: null,
          changed_at: "",
          revision: 0,
          unsent: false,
          ...config.fresh,
        },
  );
  const begun = chooseBetween(readDraft(key), config.server, base.value);
  const draft = ref<Draft>(begun.draft);
  const kept = ref(true);
  const isNew = computed(() => base.value.base_version === null);
  const text = computed(() => contentText(draft.value));
  const dirty = computed(() =>
    isNew.value ? draft.value.sql.trim() !== "" : text.value !== contentText(base.value),
  );

  let timer: ReturnType<typeof setTimeout> | undefined;
  function write(): void {
    clearTimeout(timer);
    timer = undefined;
    kept.value = writeDraft(key, dirty.value ? draft.value : null);
  }
  /** What came from the server, which does not have to be told of it. */
  let taken: string | null = null;
  watch(text, () => {
    if (text.value === taken) return;
    draft.value.changed_at = new Date().toISOString();
    draft.value.unsent = true;
    clearTimeout(timer);
    timer = setTimeout(write, WRITE_MS);
  });
  const flush = () => {
    if (timer !== undefined) write();
  };
  addEventListener("pagehide", flush);
  onScopeDispose(() => {
    removeEventListener("pagehide", flush);
    flush();
  });

  return {
    key: config.key,
    draft,
    dirty,
    isNew,
    /** Changes with what the draft says. */
    text,
    /** Another device wrote it as well since this browser last heard of it; null when not. */
    other: begun.other,
    /** False when the browser has no room for the draft: only saving keeps it then. */
    kept,
    flush,
    /** The server has what was written when the draft said `sent`. */
    noteSent(revision: number, sent: string): void {
      draft.value.revision = revision;
      draft.value.unsent = text.value !== sent;
      write();
    },
    /** What another device wrote goes into the editor. */
    takeOver({ content, revision }: DraftSide): void {
      const { revision: _r, unsent: _u, changed_at: _c, ...fromBase } = base.value;
      draft.value = { ...draft.value, ...(content ?? fromBase), revision, unsent: false };
      taken = text.value;
      write();
    },
    /** The draft is now what `saved` says: after a save, or when somebody else's version is taken over. */
    settle(saved: Query, newKey?: string): void {
      writeDraft(key, null);
      if (newKey !== undefined) key = newKey;
      base.value = fromSaved(saved);
      draft.value = { ...base.value, revision: draft.value.revision, unsent: true };
      clearTimeout(timer);
      timer = undefined;
    },
    /** An earlier version goes into the editor, with the datasource, limits and parameters that it ran with. */
    restore(version: Pick<QueryVersion, "sql" | "datasource_id" | "limits" | "params">): void {
      const { sql, datasource_id, limits, params } = version;
      Object.assign(draft.value, { sql, datasource_id, limits: { ...limits }, params });
    },
    /** The text was saved as `saved`, and changed again while that was under way. */
    rebase(saved: Query): void {
      base.value = fromSaved(saved);
      draft.value.base_version = saved.version;
      write();
    },
  };
}
