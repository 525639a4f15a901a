import { t } from "../i18n/language.ts";

const MAX_BYTES = 1024;

/**
 * What is wrong with a path that a person typed, in words; null when nothing is. `taken` are the paths of the other files:
 * one thing cannot be a file and a folder.
 */
export function pathTrouble(path: string, taken: Iterable<string>): string | null {
  if (path.trim() === "") return t("Give it a name.");
  if (path.startsWith("/") || path.endsWith("/"))
    return t("A path starts and ends with a name, not with a slash.");
  if (path.includes("\\")) return t("Folders are separated by slashes, not by backslashes.");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it refuses
  if (/[\u0000-\u001f\u007f]/.test(path)) return t("A path has no control characters.");
  const names = path.split("/");
  if (names.includes("")) return t("Between two slashes there has to be a name.");
  if (names.some((name) => name === "." || name === ".."))
    return t("A path cannot have . or .. in it.");
  if (new TextEncoder().encode(path).length > MAX_BYTES)
    return t("This path is too long: 1,024 bytes is the most.");
  for (const other of taken) {
    if (other === path) return t("There is a file at this path already.");
    if (other.startsWith(`${path}/`)) return t("There is a folder of this name.");
    if (path.startsWith(`${other}/`))
      return t("“{other}” is a file, so nothing can be in it.", { other });
  }
  return null;
}

/** The last name of a path. */
export const baseName = (path: string): string => path.slice(path.lastIndexOf("/") + 1);
/** The folder of a path with its slash; empty at the top. */
export const folderOf = (path: string): string => path.slice(0, path.lastIndexOf("/") + 1);
