import type { ScriptErrorCode } from "./script-error.ts";

export type TreePath = { path: string } | { code: ScriptErrorCode; problem: string };

/** The folder of a file in the tree; "" for the root. */
export function folderOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

/** A path as a script writes it, from a folder of the tree (`""` is the root), as a path in the tree. */
export function resolveInTree(folder: string, written: string): TreePath {
  if (written === "") {
    return { code: "invalid_argument", problem: "The name of the file is empty." };
  }
  if (written.includes("\0")) {
    return { code: "path_escape", problem: "The name of a file cannot hold a NUL." };
  }
  if (/^(?:\/|~)/.test(written)) {
    return {
      code: "path_escape",
      problem: `“${written}” is outside the project: write the path from its root.`,
    };
  }
  const parts: string[] = [];
  for (const part of `${folder}/${written}`.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.pop() === undefined) {
      return {
        code: "path_escape",
        problem: `“${written}” leads out of the project: .. may go up to its root only.`,
      };
    }
  }
  return { path: parts.join("/") };
}
