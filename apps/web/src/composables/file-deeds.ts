import { useToast } from "@nuxt/ui/composables";
import type { Ref } from "vue";
import { t } from "../i18n/language.ts";
import { movedPaths } from "../projects/file-tree.ts";
import { droppedFiles } from "../projects/import-files.ts";
import { pathTrouble } from "../projects/paths.ts";
import { useProjectImport } from "./project-import.ts";
import type { WorkingCopy } from "./working-copy.ts";

/** What is done to the files of a working copy; `shown` is the path in the editor, which follows its file. */
export function useFileDeeds(
  copy: WorkingCopy,
  shown: Readonly<Ref<string | null>>,
  show: (path: string) => void,
) {
  const toast = useToast();
  const bring = useProjectImport();
  const paths = () => [...copy.files.value.keys()];
  const complain = (title: string, description: string) =>
    toast.add({ title, description, color: "error", icon: "i-lucide-circle-alert" });

  return {
    create(path: string): void {
      copy.write(path, "", null);
      show(path);
    },
    rename(from: string, to: string): void {
      const moved = movedPaths(paths(), from, to);
      const rest = paths().filter((each) => !moved.has(each));
      const trouble = [...moved.values()]
        .map((each) => pathTrouble(each, rest))
        .find((each) => each !== null);
      if (trouble) {
        complain(t("“{name}” was not moved", { name: from }), trouble);
        return;
      }
      const follow = shown.value === null ? undefined : moved.get(shown.value);
      copy.move(moved);
      if (follow !== undefined) show(follow);
    },
    /** A file, or a folder with all in it; the toast brings back exactly these. */
    remove(path: string): void {
      const gone = movedPaths(paths(), path, path);
      const files = new Map([...copy.files.value].filter(([each]) => gone.has(each)));
      copy.move(new Map([...gone.keys()].map((each) => [each, null])));
      toast.add({
        title: t("“{name}” is deleted", { name: path.slice(-60) }),
        description: t("{n} file, until you save | {n} files, until you save", { n: gone.size }),
        icon: "i-lucide-trash-2",
        color: "neutral",
        duration: 12_000,
        actions: [
          {
            label: t("Undo"),
            color: "neutral",
            variant: "outline",
            onClick: () => copy.put(files),
          },
        ],
      });
    },
    async drop(transfer: DataTransfer): Promise<void> {
      await bring.lookAtFiles(await droppedFiles(transfer));
      const read = bring.read.value;
      const tree = read === null ? undefined : await bring.upload.run(read);
      if (tree !== undefined) copy.put(new Map(Object.entries(tree)));
      const trouble = bring.wrong.value ?? bring.upload.error.value?.message;
      if (trouble) complain(t("The files were not taken in"), trouble);
    },
  };
}
