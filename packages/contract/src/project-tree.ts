/** The files of a project: paths to contents. Contents are named by their SHA-256, so that what the server has is never sent twice. */
import { z } from "zod";
import { isStorableText, text } from "./text.ts";

export const MAX_TREE_FILES = 20_000;
const MAX_TREE_PATH_BYTES = 1024;
/** Of a request body that carries contents; larger files are uploaded as blobs first. */
export const MAX_TREE_BODY_BYTES = 64 * 1024 ** 2;

/** `sha256:` and 64 lower-case hex digits: of the raw bytes of a file. */
export const Etag = z
  .string()
  .regex(/^sha256:[0-9a-f]{64}$/, "must be sha256: and 64 lower-case hex digits");

/** Lower-case hex of a 32-byte key. */
export const HexKey = z.string().regex(/^[0-9a-f]{64}$/, "must be 64 lower-case hex digits");

/** A path in a tree, as it is sent: what it must be, `checkTree` says, for all paths at once. */
export const TreePath = text(MAX_TREE_PATH_BYTES);

/**
 * A tree as it is sent: a file's text, or the etag of bytes that the server has. Sending an etag that it lacks, or whose
 * bytes you have not shown to have, is a 409 `source_inputs_missing` that names it.
 */
export const TreeInput = z
  .record(
    TreePath,
    z.union([
      z.strictObject({ content: z.string().describe("Text, stored as UTF-8, byte for byte") }),
      z.strictObject({
        etag: Etag,
        size: z.number().int().min(0).optional().describe("Checked where it is given"),
      }),
    ]),
  )
  // Not ProjectTreeInput: that is the name that OpenAPI gives to a ProjectTree which is sent.
  .meta({ id: "SentTree" });
export type TreeInput = z.infer<typeof TreeInput>;

/** A tree as it is read; it can be sent back as it is. */
export const Tree = z
  .record(z.string(), z.strictObject({ etag: Etag, size: z.number().int().describe("Bytes") }))
  .meta({ id: "ProjectTree" });
export type Tree = z.infer<typeof Tree>;

export type TreeProblem = { path: string; message: string };

/**
 * What is wrong with the paths of a tree; empty when nothing is. Paths are relative, with `/` between segments, in Unicode's
 * normalisation form C, at most 1,024 bytes; none is a file and a folder at once.
 */
export function checkTree(paths: Iterable<string>): TreeProblem[] {
  const all = new Set(paths);
  const problems: TreeProblem[] = [];
  if (all.size > MAX_TREE_FILES) {
    const message = `has ${all.size} files; a project may have ${MAX_TREE_FILES}`;
    return [{ path: "", message }];
  }
  for (const path of all) {
    const message = troubleOf(path) ?? folderTrouble(path, all);
    if (message !== undefined) problems.push({ path, message });
  }
  return problems;
}

/** Why `path` cannot name a file of a tree; undefined when it can. */
export function troubleOf(path: string): string | undefined {
  if (path === "") return "is empty";
  if (!isStorableText(path)) return "has a NUL or half of a surrogate pair";
  if (path.startsWith("/")) return "is absolute: paths begin at the project's folder";
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it refuses
  if (/[\u0000-\u001f\u007f]/.test(path)) return "has a control character";
  if (path.includes("\\")) return "has a backslash: write / between folders";
  const segments = path.split("/");
  if (segments.includes("")) return "has an empty segment";
  if (segments.includes("..") || segments.includes("."))
    return "has a segment . or ..: nothing outside of the project can be named";
  if (path.normalize("NFC") !== path) return "is not in Unicode normalisation form C";
  if (new TextEncoder().encode(path).length > MAX_TREE_PATH_BYTES)
    return `is longer than ${MAX_TREE_PATH_BYTES} bytes`;
  return undefined;
}

function folderTrouble(path: string, all: ReadonlySet<string>): string | undefined {
  for (let at = path.indexOf("/"); at !== -1; at = path.indexOf("/", at + 1)) {
    const folder = path.slice(0, at);
    if (all.has(folder)) return `makes ${folder} both a file and a folder`;
  }
  return undefined;
}
