import { naturalOrder, PHASES, phaseOf } from "./phases.ts";

/** A line of the file tree: a folder or a file. */
export type FileLine = {
  path: string;
  name: string;
  level: number;
  /** Of a folder; null for a file. */
  open: boolean | null;
  /** Files in a folder and below; 1 for a file. */
  files: number;
};

type Folder = { folders: Map<string, Folder>; files: string[]; count: number };

/**
 * The lines to show of the files at `paths`, folders first, phases in the order in which they run, names in natural order.
 * With `filter` words only files whose path has all of them are there, in folders that are all open.
 */
export function fileLines(
  paths: Iterable<string>,
  open: ReadonlySet<string>,
  filter = "",
): FileLine[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  const root: Folder = { folders: new Map(), files: [], count: 0 };
  for (const path of paths) {
    const lower = path.toLowerCase();
    if (words.every((word) => lower.includes(word))) insert(root, path);
  }
  const lines: FileLine[] = [];
  addLines(lines, root, "", 1, words.length > 0 ? null : open);
  return lines;
}

function insert(root: Folder, path: string): void {
  const names = path.split("/");
  let at = root;
  at.count += 1;
  for (const name of names.slice(0, -1)) {
    const next = at.folders.get(name) ?? { folders: new Map(), files: [], count: 0 };
    at.folders.set(name, next);
    next.count += 1;
    at = next;
  }
  at.files.push(names.at(-1) ?? path);
}

function addLines(
  lines: FileLine[],
  folder: Folder,
  prefix: string,
  level: number,
  open: ReadonlySet<string> | null,
): void {
  const names = [...folder.folders.keys()].sort(level === 1 ? phaseOrder : naturalOrder);
  for (const name of names) {
    const inner = folder.folders.get(name);
    if (inner === undefined) continue;
    const path = prefix + name;
    const isOpen = open === null || open.has(path);
    lines.push({ path, name, level, open: isOpen, files: inner.count });
    if (isOpen) addLines(lines, inner, `${path}/`, level + 1, open);
  }
  for (const name of folder.files.sort(naturalOrder))
    lines.push({ path: prefix + name, name, level, open: null, files: 1 });
}

function phaseOrder(a: string, b: string): number {
  const rank = (name: string) => {
    const phase = phaseOf(`${name}/`);
    return phase === null ? PHASES.length : PHASES.indexOf(phase);
  };
  return rank(a) - rank(b) || naturalOrder(a, b);
}

/** The folders around `path`, from the outside in: `a/b/c.sql` is in `a` and `a/b`. */
export function foldersAround(path: string): string[] {
  const names = path.split("/").slice(0, -1);
  return names.map((_, index) => names.slice(0, index + 1).join("/"));
}

/** What `path` and all below it are called after it was moved to `to`; empty when nothing is there. */
export function movedPaths(paths: Iterable<string>, path: string, to: string): Map<string, string> {
  const moved = new Map<string, string>();
  for (const each of paths) {
    if (each === path) moved.set(each, to);
    else if (each.startsWith(`${path}/`)) moved.set(each, to + each.slice(path.length));
  }
  return moved;
}
