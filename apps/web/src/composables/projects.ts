import { useToast } from "@nuxt/ui/composables";
import type { JobStatus } from "@quern/contract/job-status";
import {
  createProject,
  deleteProject,
  duplicateProject,
  listProjects,
  listProjectVersions,
  type ProjectSummary,
  readProject,
  readProjectStates,
  restoreProject,
} from "@quern/contract/projects";
import { keepPreviousData, useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/vue-query";
import { computed, type MaybeRefOrGetter, toValue } from "vue";
import { useRouter } from "vue-router";
import { api } from "../api.ts";
import { t } from "../i18n/language.ts";
import { paths } from "../paths.ts";
import { useAction } from "./action.ts";
import type { SentTree } from "./blobs.ts";
import { useTroubleToast } from "./trouble-toast.ts";

export type ProjectFilters = { search?: string; created_by?: string; status?: JobStatus };

/** Projects, the last changed first, a page at a time; read again while one of them has a job under way. */
export function useProjectList(
  filters: MaybeRefOrGetter<ProjectFilters>,
  enabled: MaybeRefOrGetter<boolean>,
) {
  const list = useInfiniteQuery({
    queryKey: computed(() => ["projects", "list", toValue(filters)] as const),
    queryFn: ({ pageParam, signal }) =>
      api.call(listProjects, {
        query: {
          ...toValue(filters),
          limit: 100,
          ...(pageParam === "" ? {} : { cursor: pageParam }),
        },
        signal,
      }),
    initialPageParam: "",
    getNextPageParam: (last) => last.next_cursor,
    placeholderData: keepPreviousData,
    enabled: computed(() => toValue(enabled)),
    refetchInterval: (query) =>
      query.state.data?.pages.some(({ items }) => items.some(isBusy)) ? 3000 : 30_000,
  });
  return {
    ...list,
    items: computed(() => list.data.value?.pages.flatMap((page) => page.items) ?? []),
  };
}

const isBusy = ({ last_job: last }: ProjectSummary): boolean =>
  last !== null && last.duration_ms === null;

/** One project with its tree; null for the newest version. */
export function useProject(
  id: MaybeRefOrGetter<string>,
  version: MaybeRefOrGetter<number | null> = null,
  enabled: MaybeRefOrGetter<boolean> = true,
) {
  return useQuery({
    enabled: computed(() => toValue(enabled)),
    queryKey: computed(() => ["project", toValue(id), toValue(version)] as const),
    queryFn: ({ signal }) => {
      const asked = toValue(version);
      return api.call(readProject, {
        params: { id: toValue(id) },
        query: asked === null ? {} : { version: asked },
        signal,
      });
    },
  });
}

export function useProjectVersions(id: () => string, enabled: MaybeRefOrGetter<boolean>) {
  return useQuery({
    queryKey: computed(() => ["project", id(), "versions"] as const),
    queryFn: ({ signal }) =>
      api.call(listProjectVersions, { params: { id: id() }, query: { limit: 200 }, signal }),
    enabled: computed(() => toValue(enabled)),
    staleTime: 0,
  });
}

/** The states that the newest jobs of the project went through. */
export function useProjectStates(id: () => string, jobs: MaybeRefOrGetter<number>) {
  return useQuery({
    queryKey: computed(() => ["project", id(), "states", toValue(jobs)] as const),
    queryFn: ({ signal }) =>
      api.call(readProjectStates, { params: { id: id() }, query: { jobs: toValue(jobs) }, signal }),
    staleTime: 0,
    placeholderData: keepPreviousData,
  });
}

/** Makes projects: of a tree, as a copy of another. The page of what was made is shown. */
export function useProjectMaking() {
  const queries = useQueryClient();
  const router = useRouter();
  const show = async (id: string): Promise<string> => {
    await queries.invalidateQueries({ queryKey: ["projects"] });
    await router.push(paths.project(id));
    return id;
  };
  const make = useAction(async (name: string, description: string, tree: SentTree) => {
    const made = await api.call(createProject, {
      body: { name, description, project_tree: tree },
    });
    return show(made.id);
  });
  const duplicate = useAction(async (id: string, name: string) => {
    const made = await api.call(duplicateProject, { params: { id }, body: { name } });
    return show(made.id);
  });
  return { make, duplicate };
}

/** Deletes a project at once and offers to bring it back. */
export function useProjectDelete() {
  const queries = useQueryClient();
  const toast = useToast();
  const guard = useTroubleToast();
  const reread = () => queries.invalidateQueries({ queryKey: ["projects"] });
  const restore = (id: string) =>
    guard(async () => {
      await api.call(restoreProject, { params: { id } });
      await reread();
    });
  return async ({ id, name }: Pick<ProjectSummary, "id" | "name">): Promise<boolean> => {
    const done = await guard(async () => {
      await api.call(deleteProject, { params: { id } });
      await reread();
    });
    if (!done) return false;
    queries.removeQueries({ queryKey: ["project", id] });
    toast.add({
      title: t("“{name}” is deleted", { name: name.slice(0, 60) }),
      description: t("Its jobs and their results stay."),
      icon: "i-lucide-trash-2",
      color: "neutral",
      duration: 12_000,
      actions: [
        { label: t("Undo"), color: "neutral", variant: "outline", onClick: () => void restore(id) },
      ],
    });
    return true;
  };
}
