import { changeDashboard, type Dashboard, readDashboard } from "@quern/contract/dashboards";
import { useQueryClient } from "@tanstack/vue-query";
import { computed, onScopeDispose, ref, shallowRef, watch } from "vue";
import { api } from "../api.ts";
import { type Draft, draftOf, inputOf, sameDraft } from "../dashboard/draft.ts";
import { type KeptDraft, keepDraft, readKeptDraft } from "../dashboard/kept-draft.ts";
import { withTheirTiles } from "../dashboard/merge.ts";
import { redone, stepped, type Undo, undone, undoOf } from "../dashboard/undo.ts";
import { randomId } from "../random-id.ts";
import { hasCode } from "../words/problems.ts";
import { useAction } from "./action.ts";
import { rememberDashboard, useDashboardMake } from "./dashboards.ts";

export type DashboardEdit = ReturnType<typeof useDashboardEdit>;

const KEEP_MS = 400;

/** Editing a dashboard: a draft with undo, kept by the browser until it is saved, and saving it over what others saved. */
export function useDashboardEdit(userId: string, saved: () => Dashboard) {
  const queries = useQueryClient();
  const { create } = useDashboardMake();
  const undo = shallowRef<Undo<Draft> | null>(null);
  /** What the draft began with. */
  const base = shallowRef<{ version: number; draft: Draft } | null>(null);
  const conflict = shallowRef<Dashboard | null>(null);
  const roomy = ref(true);

  const draft = computed(() => undo.value?.now ?? null);
  const dirty = computed(
    () => base.value !== null && draft.value !== null && !sameDraft(base.value.draft, draft.value),
  );
  const left = shallowRef(readKeptDraft(userId, saved().id));

  let timer: ReturnType<typeof setTimeout> | undefined;
  function keepNow(): void {
    clearTimeout(timer);
    timer = undefined;
    if (base.value === null || draft.value === null) return;
    const { version, draft: begun } = base.value;
    const kept: KeptDraft | null = dirty.value
      ? { version, at: Date.now(), base: begun, draft: draft.value }
      : null;
    roomy.value = keepDraft(userId, saved().id, kept);
  }
  watch(draft, () => {
    clearTimeout(timer);
    timer = setTimeout(keepNow, KEEP_MS);
  });
  addEventListener("pagehide", keepNow);
  onScopeDispose(() => {
    removeEventListener("pagehide", keepNow);
    if (timer !== undefined) keepNow();
  });

  function begin(kept: KeptDraft | null): void {
    const begun = kept === null ? draftOf(saved()) : kept.base;
    base.value = { version: kept?.version ?? saved().version, draft: begun };
    undo.value = undoOf(begun);
    if (kept !== null) undo.value = stepped(undo.value, kept.draft, "kept", Date.now());
    left.value = null;
  }
  function end(): void {
    clearTimeout(timer);
    timer = undefined;
    undo.value = null;
    base.value = null;
    conflict.value = null;
    left.value = null;
    keepDraft(userId, saved().id, null);
  }
  function step(next: Draft, kind: string): void {
    if (undo.value !== null) undo.value = stepped(undo.value, next, kind, Date.now());
  }

  const save = useAction(async (over: number | null): Promise<boolean> => {
    if (draft.value === null || base.value === null) return false;
    const { id } = saved();
    const body = { ...inputOf(draft.value), version: over ?? base.value.version };
    try {
      rememberDashboard(queries, await api.call(changeDashboard, { params: { id }, body }));
      end();
      return true;
    } catch (error) {
      if (!hasCode(error, "version_conflict")) throw error;
      await meet(await api.call(readDashboard, { params: { id } }));
      return false;
    }
  });

  /** Somebody saved in between: new tiles of theirs are taken in, everything else is asked about. */
  async function meet(theirs: Dashboard): Promise<void> {
    if (draft.value === null || base.value === null) return;
    const merged = withTheirTiles(base.value.draft, draft.value, draftOf(theirs));
    if (merged === null) {
      conflict.value = theirs;
      return;
    }
    base.value = { version: theirs.version, draft: draftOf(theirs) };
    step(merged, "theirs");
    rememberDashboard(queries, theirs);
  }

  return {
    /** The draft while it is edited, else null. */
    draft,
    dirty,
    /** What the draft began with. */
    begun: computed(() => base.value?.draft ?? null),
    /** The browser has room for the draft. */
    roomy,
    /** An edit of an earlier visit that was neither saved nor discarded. */
    left,
    conflict,
    save,
    copy: create,
    canUndo: computed(() => (undo.value?.past.length ?? 0) > 0),
    canRedo: computed(() => (undo.value?.future.length ?? 0) > 0),
    begin,
    end,
    step,
    meet,
    undo(): void {
      if (undo.value !== null) undo.value = undone(undo.value);
    },
    redo(): void {
      if (undo.value !== null) undo.value = redone(undo.value);
    },
    forgetLeft(): void {
      left.value = null;
      keepDraft(userId, saved().id, null);
    },
    /** Goes on with what somebody else saved; the own draft can still be had back by undo. */
    takeTheirs(): void {
      const theirs = conflict.value;
      if (theirs === null) return;
      base.value = { version: theirs.version, draft: draftOf(theirs) };
      step(draftOf(theirs), "theirs");
      rememberDashboard(queries, theirs);
      conflict.value = null;
    },
    /** Saves the own draft as a dashboard of its own. Its id, or null when that failed. */
    async saveCopy(name: string): Promise<string | null> {
      if (draft.value === null) return null;
      const { tiles, ...input } = inputOf(draft.value);
      const copies = tiles.map((tile) => ({ ...tile, id: randomId() }));
      const made = await create.run({ ...input, tiles: copies, name });
      if (made === undefined) return null;
      end();
      return made.id;
    },
  };
}
