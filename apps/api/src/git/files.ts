/** The files of a commit below a folder, as a project's tree takes them. */
import { MAX_TREE_FILES, troubleOf } from "@quern/contract/project-tree";
import { GitError } from "./git-error.ts";
import type { Pack } from "./pack.ts";
import type { FetchedCommit } from "./repository.ts";

export type FileLimits = { max_file_bytes: number; max_bytes: number };
export type CommitFiles = {
  files: Map<string, Buffer>;
  skipped: { path: string; reason: string }[];
};

const MAX_DEPTH = 64;
const MAX_SKIPPED = 1_000;

/** Links and submodules are left out, and said: they name something that is not in the tree. Throws `GitError` above the limits. */
export function readFiles(
  { commit, pack }: FetchedCommit,
  folder: string,
  limits: FileLimits,
): CommitFiles {
  const root = /^tree ([0-9a-f]{40})$/m.exec(
    pack.read(commit)?.content.toString("utf8") ?? "",
  )?.[1];
  if (root === undefined) throw new GitError("The commit has no files.");
  const found: CommitFiles = { files: new Map(), skipped: [] };
  let bytes = 0;
  const skip = (path: string, reason: string) => {
    if (found.skipped.length < MAX_SKIPPED) found.skipped.push({ path, reason });
  };
  const walk = (tree: string, prefix: string, depth: number) => {
    if (depth > MAX_DEPTH) throw new GitError(`Folders are nested deeper than ${MAX_DEPTH}.`);
    for (const { mode, name, id } of entriesOf(pack, tree)) {
      const path = prefix + name;
      const trouble = name.includes("\uFFFD") ? "has a name that is not UTF-8" : troubleOf(path);
      if (trouble !== undefined) skip(path, trouble);
      else if (mode === "40000") walk(id, `${path}/`, depth + 1);
      else if (mode === "120000") skip(path, "is a symbolic link");
      else if (mode === "160000") skip(path, "is a submodule");
      else {
        const content = pack.read(id)?.content;
        if (content === undefined) throw new GitError("The server did not send all files.");
        if (content.length > limits.max_file_bytes) {
          skip(path, `has ${content.length} bytes, more than a file of a project may have`);
          continue;
        }
        bytes += content.length;
        if (bytes > limits.max_bytes || found.files.size >= MAX_TREE_FILES) throw tooMuch(limits);
        found.files.set(path, content);
      }
    }
  };
  walk(folderOf(pack, root, folder), "", 0);
  if (found.files.size === 0) throw new GitError("There is no file to import.");
  return found;
}

function tooMuch({ max_bytes }: FileLimits): GitError {
  return new GitError(
    `There are more than ${MAX_TREE_FILES} files, or more than ${max_bytes} bytes. Name the folder that has the SQL.`,
  );
}

function folderOf(pack: Pack, root: string, folder: string): string {
  let tree = root;
  for (const segment of folder.split("/").filter((each) => each !== "" && each !== ".")) {
    const entry = [...entriesOf(pack, tree)].find(
      ({ mode, name }) => name === segment && mode === "40000",
    );
    if (!entry) throw new GitError(`The repository has no folder ${JSON.stringify(folder)}.`);
    tree = entry.id;
  }
  return tree;
}

/** `mode name NUL id`, one after the other. */
function* entriesOf(pack: Pack, tree: string) {
  const object = pack.read(tree);
  if (object?.type !== "tree") throw new GitError("The server did not send all folders.");
  const { content } = object;
  let at = 0;
  while (at < content.length) {
    const blank = content.indexOf(0x20, at);
    const nul = content.indexOf(0, blank);
    if (blank === -1 || nul === -1 || nul + 21 > content.length)
      throw new GitError("The server sent a damaged folder.");
    yield {
      mode: content.toString("latin1", at, blank),
      name: content.toString("utf8", blank + 1, nul),
      id: content.toString("hex", nul + 1, nul + 21),
    };
    at = nul + 21;
  }
}
