import { computed, type Ref } from "vue";
import { isScript, MANIFEST, naturalOrder, phaseOf, variablesOf } from "../projects/phases.ts";
import { isWritten } from "../projects/working-copy.ts";
import { useBlobText } from "./blobs.ts";
import type { WorkingCopy } from "./working-copy.ts";

/** The file that is open: the wanted one, else the head of the job that is shown, else a head that could be run. */
export function useCurrentFile(
  copy: WorkingCopy,
  wanted: Readonly<Ref<string | null>>,
  head: () => string | null,
) {
  const path = computed(() => {
    for (const each of [wanted.value, head()])
      if (each !== null && copy.files.value.has(each)) return each;
    const sorted = [...copy.files.value.keys()].sort(naturalOrder);
    const test = sorted.find((each) => phaseOf(each) === "test" && isScript(each));
    return test ?? sorted.find(isScript) ?? sorted[0] ?? null;
  });
  const file = computed(() => (path.value === null ? undefined : copy.files.value.get(path.value)));
  const savedEtag = computed(() =>
    path.value === null ? null : (copy.base.value?.tree[path.value]?.etag ?? null),
  );
  const saved = useBlobText(savedEtag);
  const shown = useBlobText(() => (file.value && !isWritten(file.value) ? file.value.etag : null));
  /** null until it is read, and of a file that is no text. */
  const text = computed<string | null>(() =>
    file.value && isWritten(file.value) ? file.value.text : (shown.data.value?.text ?? null),
  );
  return {
    path,
    text,
    shown,
    binary: computed(() => shown.data.value !== undefined && text.value === null),
    write(next: string): void {
      if (path.value === null) return;
      copy.write(
        path.value,
        next,
        savedEtag.value === null ? null : (saved.data.value?.text ?? null),
      );
    },
  };
}

/** The variables that the manifest declares, as it is written now. */
export function useManifestVariables(copy: WorkingCopy) {
  const manifest = computed(() => copy.files.value.get(MANIFEST));
  const stored = useBlobText(() =>
    manifest.value && !isWritten(manifest.value) ? manifest.value.etag : null,
  );
  return computed(() =>
    variablesOf(
      manifest.value && isWritten(manifest.value)
        ? manifest.value.text
        : (stored.data.value?.text ?? null),
    ),
  );
}
