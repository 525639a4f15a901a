import type { Query, QueryVersion } from "@quern/contract/queries";
import { computed, onScopeDispose, ref, watch } from "vue";
import { type Draft, readDraft, writeDraft } from "./drafts.ts";

const WRITE_MS = 250;

function fromSaved(saved: Query): Draft {
  return {
    sql: saved.sql,
    datasource_id: saved.datasource.id,
    limits: { ...saved.limits },
    params: saved.params,
    base_version: saved.version,
    changed_at: saved.updated_at,
  };
}

/** The same text for the same content: the server gives the fields of definitions back in another order. */
const content = ({ sql, datasource_id, limits, params }: Draft) =>
  JSON.stringify([sql, datasource_id, limits, params], (_, value: unknown) =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );

/**
 * What is in the editor: begins as the stored draft, else as the saved query, else as `fresh`. It is written to the
 * browser's storage shortly after each change, so that neither a reload nor a crash loses it.
 */
export function useQueryDraft(config: { key: string; saved: Query | null; fresh: Partial<Draft> }) {
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
          ...config.fresh,
        },
  );
  const draft = ref<Draft>(readDraft(key) ?? { ...base.value });
  const kept = ref(true);
  const isNew = computed(() => base.value.base_version === null);
  const dirty = computed(() =>
    isNew.value ? draft.value.sql.trim() !== "" : content(draft.value) !== content(base.value),
  );

  let timer: ReturnType<typeof setTimeout> | undefined;
  function write(): void {
    clearTimeout(timer);
    timer = undefined;
    kept.value = writeDraft(key, dirty.value ? draft.value : null);
  }
  watch(
    () => content(draft.value),
    () => {
      draft.value.changed_at = new Date().toISOString();
      clearTimeout(timer);
      timer = setTimeout(write, WRITE_MS);
    },
  );
  const flush = () => {
    if (timer !== undefined) write();
  };
  addEventListener("pagehide", flush);
  onScopeDispose(() => {
    removeEventListener("pagehide", flush);
    flush();
  });

  return {
    draft,
    dirty,
    isNew,
    /** False when the browser has no room for the draft: only saving keeps it then. */
    kept,
    /** The draft is now what `saved` says: after a save, or when somebody else's version is taken over. */
    settle(saved: Query, newKey?: string): void {
      writeDraft(key, null);
      if (newKey !== undefined) key = newKey;
      base.value = fromSaved(saved);
      draft.value = { ...base.value };
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
