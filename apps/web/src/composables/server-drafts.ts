import {
  type Draft,
  type DraftHead,
  deleteDraft,
  listDrafts,
  openDraft,
  orderDrafts,
  readDraft,
} from "@quern/contract/drafts";
import { type QueryClient, useQuery, useQueryClient } from "@tanstack/vue-query";
import { computed, type MaybeRefOrGetter, toValue } from "vue";
import type { RouteLocationRaw } from "vue-router";
import { api } from "../api.ts";
import { t } from "../i18n/language.ts";
import { paths } from "../paths.ts";
import { isTrouble } from "../words/problems.ts";
import { sqlLine } from "../words/sql-line.ts";
import { draftKey, writeDraft } from "./drafts.ts";
import { useTroubleToast } from "./trouble-toast.ts";

const KEY = ["drafts"] as const;

/** The person's drafts on the server: open tabs in their order, then closed ones. */
export function useDraftList(enabled: MaybeRefOrGetter<boolean>) {
  return useQuery({
    queryKey: KEY,
    queryFn: ({ signal }) => api.call(listDrafts, { signal }),
    select: ({ items }) => items,
    staleTime: 5_000,
    enabled: computed(() => toValue(enabled)),
  });
}

/** A draft by its id or that of its query. Null when the server has none, or does not answer: this browser's is used then. */
export async function findDraft(id: string): Promise<Draft | null> {
  try {
    return await api.call(readDraft, { params: { id } });
  } catch (error) {
    if (isTrouble(error)) return null;
    throw error;
  }
}

/** Where the text of a draft is edited. */
export function draftPath(draft: Pick<DraftHead, "id" | "query">): RouteLocationRaw {
  return draft.query ? paths.query(draft.query.id) : paths.newQuery({ draft: draft.id });
}

/** The name of a tab: that of its query, else how its text begins. */
export function draftName(draft: Pick<DraftHead, "query" | "head">): string {
  return draft.query?.name ?? (sqlLine(draft.head, 60) || t("New query"));
}

function change(queries: QueryClient, edit: (items: DraftHead[]) => DraftHead[]): void {
  queries.setQueryData<{ items: DraftHead[]; next_cursor: string | null }>(KEY, (known) =>
    known === undefined ? known : { ...known, items: edit(known.items) },
  );
}

/** Opening, closing, ordering and discarding; the page shows it at once, and what the server says if that fails. */
export function useDraftDeeds(userId: () => string) {
  const queries = useQueryClient();
  const tell = useTroubleToast();

  async function attempt(deed: () => Promise<unknown>): Promise<void> {
    await tell(async () => {
      await deed();
    });
    void queries.invalidateQueries({ queryKey: KEY });
  }
  return {
    /** A tab with unsaved text keeps it among the drafts; one without is forgotten. */
    async close(draft: DraftHead): Promise<void> {
      const params = { id: draft.id };
      if (draft.changed) {
        change(queries, (items) =>
          items.map((each) => (each.id === draft.id ? { ...each, open: false } : each)),
        );
        await attempt(() => api.call(openDraft, { params, body: { open: false } }));
      } else {
        change(queries, (items) => items.filter((each) => each.id !== draft.id));
        await attempt(() => api.call(deleteDraft, { params }));
      }
    },
    async reopen(id: string): Promise<void> {
      await attempt(() => api.call(openDraft, { params: { id }, body: { open: true } }));
    },
    async discard(draft: Pick<DraftHead, "id" | "query">): Promise<void> {
      change(queries, (items) => items.filter((each) => each.id !== draft.id));
      writeDraft(draftKey(userId(), draft.query?.id ?? null, draft.id), null);
      await attempt(() => api.call(deleteDraft, { params: { id: draft.id } }));
    },
    async order(ids: string[]): Promise<void> {
      change(queries, (items) => {
        const place = (id: string) => (ids.includes(id) ? ids.indexOf(id) : ids.length);
        const open = items.filter((each) => each.open).sort((a, b) => place(a.id) - place(b.id));
        return [...open, ...items.filter((each) => !each.open)];
      });
      await attempt(() => api.call(orderDrafts, { body: { ids } }));
    },
  };
}
