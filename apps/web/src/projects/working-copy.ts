/** A file as the server keeps it: `sha256:…` and its bytes. */
type StoredFile = { etag: string; size: number };
/** A file of the working copy: as it is stored, or as a person has written it. */
export type WorkingFile = StoredFile | { text: string };
/** What differs from the saved tree, by path; null for a file that is deleted. */
export type Changes = Record<string, WorkingFile | null>;
export type Tree = Record<string, StoredFile>;

export const isWritten = (file: WorkingFile): file is { text: string } => "text" in file;

/** The files as the person has them now. */
export function workingFiles(tree: Tree, changes: Changes): Map<string, WorkingFile> {
  const files = new Map<string, WorkingFile>(Object.entries(tree));
  for (const [path, file] of Object.entries(changes)) {
    if (file === null) files.delete(path);
    else files.set(path, file);
  }
  return files;
}

/** `changes` with the text of one file; `stored` is the text that the saved tree has there, when that is known. */
export function withText(
  tree: Tree,
  changes: Changes,
  path: string,
  text: string,
  stored: string | null,
): Changes {
  const next = { ...changes };
  // Written back to what is saved: nothing differs any more.
  if (tree[path] !== undefined && text === stored) delete next[path];
  else next[path] = { text };
  return next;
}

/** `changes` after the files of `moved` (old path to new one) have moved; `null` deletes. */
export function withMoves(
  tree: Tree,
  changes: Changes,
  moved: ReadonlyMap<string, string | null>,
): Changes {
  const before = workingFiles(tree, changes);
  const next = { ...changes };
  for (const from of moved.keys()) {
    if (tree[from] === undefined) delete next[from];
    else next[from] = null;
  }
  for (const [from, to] of moved) {
    const file = before.get(from);
    if (to === null || file === undefined) continue;
    const saved = tree[to];
    // Back to where it came from, as it was.
    if (saved && !isWritten(file) && saved.etag === file.etag) delete next[to];
    else next[to] = file;
  }
  return next;
}

/** What turns the saved `tree` into exactly `files`. */
export function withTree(tree: Tree, files: ReadonlyMap<string, WorkingFile>): Changes {
  const changes: Changes = {};
  for (const [path, file] of files)
    if (isWritten(file) || tree[path]?.etag !== file.etag) changes[path] = file;
  for (const path of Object.keys(tree)) if (!files.has(path)) changes[path] = null;
  return changes;
}

/** The files of `body` as the API takes them: by their text where they were written, else by what the server has already. */
export function treeBody(
  files: ReadonlyMap<string, WorkingFile>,
): Record<string, { content: string } | { etag: string; size: number }> {
  return Object.fromEntries(
    [...files].map(([path, file]) => [
      path,
      isWritten(file) ? { content: file.text } : { etag: file.etag, size: file.size },
    ]),
  );
}

/**
 * What is left to be saved when others saved `theirs` since `base`: the paths that both changed, and not to the same file,
 * are in conflict.
 */
export function conflictsOf(base: Tree, theirs: Tree, changes: Changes): string[] {
  return Object.keys(changes).filter((path) => {
    const mine = changes[path];
    const other = theirs[path];
    if (base[path]?.etag === other?.etag) return false;
    if (mine === null || mine === undefined) return other !== undefined;
    return isWritten(mine) || mine.etag !== other?.etag;
  });
}

type FileChange = {
  path: string;
  kind: "added" | "removed" | "changed";
  before: StoredFile | null;
  after: StoredFile | null;
};

/** What is not the same in two saved trees, by path. */
export function changedFiles(before: Tree, after: Tree): FileChange[] {
  const paths = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return paths.flatMap((path): FileChange[] => {
    const [was, is] = [before[path] ?? null, after[path] ?? null];
    if (was?.etag === is?.etag) return [];
    const kind = was === null ? "added" : is === null ? "removed" : "changed";
    return [{ path, kind, before: was, after: is }];
  });
}
