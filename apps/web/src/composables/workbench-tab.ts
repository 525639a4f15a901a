import type { Draft as ServerDraft } from "@quern/contract/drafts";
import type { Query } from "@quern/contract/queries";
import { computed, watch } from "vue";
import { useRoute } from "vue-router";
import { useDraftSync } from "./draft-sync.ts";
import type { DraftWork } from "./query-draft.ts";
import { useDraftDeeds } from "./server-drafts.ts";
import { useCan } from "./session.ts";
import { tabAddresses } from "./tab-addresses.ts";

/** The workbench as a tab of the editor: its draft on the server, and where it was left. */
export function useWorkbenchTab(config: {
  userId: string;
  saved: () => Query | null;
  draftId: string;
  kept: ServerDraft | null;
  work: DraftWork;
}) {
  const { userId, saved, draftId, kept, work } = config;
  const route = useRoute();
  const can = useCan();
  const enabled = computed(() => can("drafts.own"));
  const sync = useDraftSync({
    work,
    id: kept?.id ?? saved()?.id ?? draftId,
    queryId: () => saved()?.id ?? null,
    enabled: () => enabled.value,
  });
  if (kept?.open === false) void useDraftDeeds(() => userId).reopen(kept.id);

  const isHere = (path: string, draft: unknown) => {
    const query = saved();
    return query === null
      ? path === "/queries/new" && draft === draftId
      : path === `/queries/${query.id}`;
  };
  watch(
    () => route.fullPath,
    (path) => {
      if (isHere(route.path, route.query.draft)) tabAddresses.set(sync.id, path);
    },
    { immediate: true },
  );

  return {
    enabled,
    news: sync.news,
    trouble: sync.trouble,
    tab: computed(() => {
      const query = saved();
      return {
        id: sync.id,
        query: query && { id: query.id, name: query.name },
        head: work.draft.value.sql.slice(0, 200),
        changed: work.dirty.value,
      };
    }),
    /** The tab is being closed: nothing more is kept of a text that says nothing new. */
    closing(): void {
      if (!work.dirty.value) sync.discard();
    },
  };
}
