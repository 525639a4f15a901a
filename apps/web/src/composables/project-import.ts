import {
  createProject,
  deleteProject,
  importProject,
  type Project,
} from "@quern/contract/projects";
import { useQueryClient } from "@tanstack/vue-query";
import { ref, shallowRef } from "vue";
import { api } from "../api.ts";
import { t } from "../i18n/language.ts";
import { ImportError, type ReadFiles, readFolder, readZip } from "../projects/import-files.ts";
import type { Tree } from "../projects/working-copy.ts";
import { useAction } from "./action.ts";
import { type SentTree, sendFiles, uploadFiles } from "./blobs.ts";

type GitSource = { url: string; ref: string; folder: string };
type Skipped = { path: string; why: string }[];

/** Reads folders, archives and git repositories into trees of stored files. */
export function useProjectImport() {
  const queries = useQueryClient();
  const read = shallowRef<ReadFiles | null>(null);
  /** Why what was chosen cannot be taken, in words. */
  const wrong = ref<string | null>(null);
  const progress = ref<{ done: number; all: number } | null>(null);

  async function look(reading: () => ReadFiles | Promise<ReadFiles>): Promise<void> {
    wrong.value = null;
    read.value = null;
    try {
      const found = await reading();
      if (found.files.length === 0) wrong.value = t("There is no file in it.");
      else read.value = found;
    } catch (error) {
      // A file that went away, or that may not be read, is a DOMException.
      if (!(error instanceof ImportError || error instanceof DOMException)) throw error;
      wrong.value = error.message;
    }
  }
  const upload = useAction(async (files: ReadFiles): Promise<Tree> => {
    try {
      return await uploadFiles(files.files, (done, all) => {
        progress.value = { done, all };
      });
    } finally {
      progress.value = null;
    }
  });
  /** As `upload`, for a project that is made of them at once: small texts go with its tree. */
  const send = useAction(async (files: ReadFiles): Promise<SentTree> => {
    try {
      return await sendFiles(files.files, (done, all) => {
        progress.value = { done, all };
      });
    } finally {
      progress.value = null;
    }
  });
  const fetchGit = useAction(
    async (
      { url, ref: branch, folder }: GitSource,
      into: Pick<Project, "id" | "version"> | { name: string },
    ): Promise<{ project: Project; commit: string; skipped: Skipped }> => {
      const target =
        "id" in into ? into : await api.call(createProject, { body: { name: into.name } });
      const imported = api.call(importProject, {
        params: { id: target.id },
        body: {
          version: target.version,
          url: url.trim(),
          ...(branch.trim() === "" ? {} : { ref: branch.trim() }),
          ...(folder.trim() === "" ? {} : { folder: folder.trim() }),
          message: t("From {url}", { url: url.trim().slice(0, 500) }),
        },
      });
      const { project, commit, skipped } = await imported.catch(async (error: unknown) => {
        // Nothing is left of a project that was made for files which did not come.
        if (!("id" in into)) await api.call(deleteProject, { params: { id: target.id } });
        throw error;
      });
      queries.setQueryData(["project", project.id, null], project);
      void queries.invalidateQueries({ queryKey: ["projects"] });
      return {
        project,
        commit,
        skipped: skipped.map(({ path, reason }) => ({ path, why: reason })),
      };
    },
  );
  return {
    read,
    wrong,
    progress,
    upload,
    send,
    forget(): void {
      read.value = null;
      wrong.value = null;
    },
    fetchGit,
    lookAtZip: (file: File) => look(async () => readZip(new Uint8Array(await file.arrayBuffer()))),
    lookAtFiles: (files: { path: string; file: File }[]) => look(() => readFolder(files)),
  };
}
