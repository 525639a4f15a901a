import { MAX_FOLDER_DEPTH } from "@quern/contract/library";
import { computed } from "vue";
import { language } from "../i18n/language.ts";
import { useFolders } from "./library.ts";

/** Folders by their id, and how each is called with those that it is in: `Ops / Ontario`. */
export function useFolderNames() {
  const { folders } = useFolders();
  const byId = computed(() => new Map(folders.value.map((each) => [each.id, each])));
  function nameOf(id: string | null): string {
    const names: string[] = [];
    let at = byId.value.get(id ?? "");
    while (at !== undefined && names.length < MAX_FOLDER_DEPTH) {
      names.unshift(at.name);
      at = byId.value.get(at.parent_id ?? "");
    }
    return names.join(" / ");
  }
  return {
    nameOf,
    choices: computed(() =>
      [...byId.value.values()]
        .map(({ id }) => ({ value: id, label: nameOf(id) }))
        .sort((a, b) => a.label.localeCompare(b.label, language)),
    ),
  };
}
