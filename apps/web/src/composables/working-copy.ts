import { changeProject, type Project } from "@quern/contract/projects";
import { useQueryClient } from "@tanstack/vue-query";
import { computed, shallowRef, watch } from "vue";
import { z } from "zod";
import { api } from "../api.ts";
import {
  type Changes,
  changedFiles,
  conflictsOf,
  isWritten,
  type Tree,
  treeBody,
  type WorkingFile,
  withMoves,
  withText,
  withTree,
  workingFiles,
} from "../projects/working-copy.ts";
import { hasCode } from "../words/problems.ts";
import { useAction } from "./action.ts";
import type { BlobText } from "./blobs.ts";
import { useProject } from "./projects.ts";
import { readStored, store } from "./stored.ts";

const Kept = z.object({
  version: z.number(),
  changes: z.record(
    z.string(),
    z.union([
      z.null(),
      z.object({ text: z.string() }),
      z.object({ etag: z.string(), size: z.number() }),
    ]),
  ),
});
type Kept = z.infer<typeof Kept>;
const isKept = (value: unknown): value is Kept => Kept.safeParse(value).success;

export type WorkingCopy = ReturnType<typeof useWorkingCopy>;

/**
 * The files of a project as a person has them: what is saved, and on top of it what they changed, which this browser keeps
 * until it is saved or discarded.
 */
export function useWorkingCopy(id: string) {
  const key = `quern:project:${id}`;
  const queries = useQueryClient();
  const newest = useProject(id);
  const kept = shallowRef<Kept | null>(readStored<Kept | null>(key, isKept, null));
  /** Changes that only this page knows: the browser's store is full. */
  const unkept = shallowRef(false);
  const changes = computed<Changes>(() => kept.value?.changes ?? {});
  const dirty = computed(() => Object.keys(changes.value).length > 0);
  const onVersion = computed(() => {
    const known = newest.data.value?.version ?? null;
    const mine = dirty.value ? (kept.value?.version ?? null) : null;
    return mine === known ? null : mine;
  });
  const older = useProject(id, onVersion);
  /** The version that the changes were made to. */
  const base = computed<Project | undefined>(() =>
    onVersion.value === null ? newest.data.value : older.data.value,
  );
  const files = computed(() => workingFiles(base.value?.tree ?? {}, changes.value));
  const changed = computed(() => new Set(Object.keys(changes.value)));
  /** Others saved since: these paths both they and this person changed. */
  const conflicts = computed(() =>
    onVersion.value !== null && base.value && newest.data.value
      ? conflictsOf(base.value.tree, newest.data.value.tree, changes.value)
      : [],
  );

  // A save that changed no file, such as of the environment, is no reason to ask anybody.
  watch([onVersion, older.data, newest.data], ([, was, is]) => {
    if (onVersion.value === null || !was || !is || was.version !== onVersion.value) return;
    if (changedFiles(was.tree, is.tree).length === 0) keep(changes.value, is.version);
  });

  let timer: ReturnType<typeof setTimeout> | undefined;
  function keep(next: Changes, version = base.value?.version): void {
    if (version === undefined) return;
    const empty = Object.keys(next).length === 0;
    kept.value = empty ? null : { version, changes: next };
    clearTimeout(timer);
    timer = setTimeout(flush, 300);
  }
  function flush(): void {
    clearTimeout(timer);
    unkept.value = !store(key, kept.value === null ? null : JSON.stringify(kept.value));
  }

  const save = useAction(async (message: string) => {
    if (base.value === undefined) return undefined;
    const sent = changes.value;
    const saved = await api.call(changeProject, {
      params: { id },
      body: {
        version: base.value.version,
        project_tree: treeBody(files.value),
        ...(message === "" ? {} : { message }),
      },
    });
    for (const [path, file] of Object.entries(sent)) {
      const etag = saved.tree[path]?.etag;
      if (file !== null && isWritten(file) && etag !== undefined)
        queries.setQueryData<BlobText>(["blob", etag], { text: file.text, bytes: 0 });
    }
    // What was written while it was being saved stays.
    const rest = Object.entries(changes.value).filter(([path, file]) => sent[path] !== file);
    queries.setQueryData(["project", id, null], saved);
    keep(Object.fromEntries(rest), saved.version);
    void queries.invalidateQueries({ queryKey: ["projects"] });
    return saved;
  });
  watch(save.error, (error) => {
    if (hasCode(error, "version_conflict")) void newest.refetch();
  });

  return {
    newest,
    base,
    files,
    changed,
    dirty,
    conflicts,
    behind: computed(() => onVersion.value !== null && newest.data.value !== undefined),
    unkept,
    save,
    flush,
    write(path: string, text: string, stored: string | null): void {
      keep(withText(base.value?.tree ?? {}, changes.value, path, text, stored));
    },
    move(moved: ReadonlyMap<string, string | null>): void {
      keep(withMoves(base.value?.tree ?? {}, changes.value, moved));
    },
    /** Takes `added` in, in place of the files at the same paths. */
    put(added: ReadonlyMap<string, WorkingFile>): void {
      keep(withTree(base.value?.tree ?? {}, new Map([...files.value, ...added])));
    },
    /** Has the files of `tree` and no others, as of an earlier version. */
    replace(tree: Tree): void {
      keep(withTree(base.value?.tree ?? {}, new Map(Object.entries(tree))));
    },
    discard: (): void => keep({}),
    /** Goes on from what others saved: with this person's files where both changed, or with theirs. */
    rebase(whose: "mine" | "theirs"): void {
      const dropped = whose === "theirs" ? new Set(conflicts.value) : new Set<string>();
      const rest = Object.entries(changes.value).filter(([path]) => !dropped.has(path));
      save.error.value = null;
      keep(Object.fromEntries(rest), newest.data.value?.version);
    },
  };
}
