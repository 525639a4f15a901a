import type { Folder } from "@quern/contract/library";

/** A line of the tree of folders: the folder, how deep it lies, and what is in it and below. */
export type FolderLine = {
  folder: Folder;
  level: number;
  /** null: nothing is in it to be unfolded. */
  open: boolean | null;
  /** With those of the folders in it. */
  queries: number;
  dashboards: number;
};

/** The lines to show when the folders in `open` are unfolded, in the order of the list. */
export function folderLines(folders: readonly Folder[], open: ReadonlySet<string>): FolderLine[] {
  const inside = byParent(folders);
  const lines: FolderLine[] = [];
  const add = (parent: string | null, level: number) => {
    for (const folder of inside.get(parent) ?? []) {
      const below = [folder, ...foldersBelow(inside, folder.id)];
      const unfolds = below.length > 1;
      lines.push({
        folder,
        level,
        open: unfolds ? open.has(folder.id) : null,
        queries: below.reduce((sum, each) => sum + each.queries, 0),
        dashboards: below.reduce((sum, each) => sum + each.dashboards, 0),
      });
      if (unfolds && open.has(folder.id)) add(folder.id, level + 1);
    }
  };
  add(null, 1);
  return lines;
}

/** The folder's names from the outside in: `["Ops", "Outages"]`. Empty when there is no such folder. */
export function folderPath(folders: readonly Folder[], id: string | null): Folder[] {
  const known = new Map(folders.map((folder) => [folder.id, folder]));
  const path: Folder[] = [];
  for (let at = known.get(id ?? ""); at && !path.includes(at); at = known.get(at.parent_id ?? ""))
    path.unshift(at);
  return path;
}

/** Where the folder may be moved: everywhere but into itself and what is in it. */
export function placesFor(folders: readonly Folder[], moved: string | null): Folder[] {
  if (moved === null) return [...folders];
  const barred = new Set([moved, ...foldersBelow(byParent(folders), moved).map(({ id }) => id)]);
  return folders.filter(({ id }) => !barred.has(id));
}

function byParent(folders: readonly Folder[]): Map<string | null, Folder[]> {
  const known = new Set(folders.map(({ id }) => id));
  const inside = new Map<string | null, Folder[]>();
  for (const folder of folders) {
    // One whose parent was deleted while this list was on its way stands at the top.
    const parent =
      folder.parent_id !== null && known.has(folder.parent_id) ? folder.parent_id : null;
    inside.set(parent, [...(inside.get(parent) ?? []), folder]);
  }
  return inside;
}

function foldersBelow(inside: Map<string | null, Folder[]>, id: string): Folder[] {
  return (inside.get(id) ?? []).flatMap((folder) => [folder, ...foldersBelow(inside, folder.id)]);
}
