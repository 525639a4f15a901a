import { type UnzipFileInfo, unzipSync } from "fflate";
import { t } from "../i18n/language.ts";

/** A file that is about to become one of a project: its path and bytes as they are. */
export type ReadFile = { path: string; bytes: Uint8Array<ArrayBuffer> };
export type ReadFiles = {
  files: ReadFile[];
  /** What was left out, and why, in words. */
  skipped: { path: string; why: string }[];
};

const MOST_FILES = 20_000;
const MOST_BYTES = 256 * 1024 ** 2;
/** What an archive or a folder has beside what belongs to the project. */
const IGNORED = /(^|\/)(\.git|\.svn|\.hg|node_modules|__MACOSX|\.DS_Store|Thumbs\.db)(\/|$)/;

/** The files cannot become a project; the message says why and what to do. */
export class ImportError extends Error {
  override name = "ImportError";
}

/** Reads a zip archive in the browser. Entries that would lie outside the project are left out and named. */
export function readZip(archive: Uint8Array<ArrayBuffer>): ReadFiles {
  let bytes = 0;
  let count = 0;
  const skipped: ReadFiles["skipped"] = [];
  const filter = ({ name, originalSize }: UnzipFileInfo): boolean => {
    if (name.endsWith("/") || IGNORED.test(name)) return false;
    const why = outside(name);
    if (why !== null) {
      skipped.push({ path: name, why });
      return false;
    }
    count += 1;
    bytes += originalSize;
    return count <= MOST_FILES && bytes <= MOST_BYTES;
  };
  // The library's other way makes its workers of texts, which the page's content policy refuses.
  const entries = unpack(archive, filter);
  checkSize(count, bytes);
  const files = Object.entries(entries).map(([path, data]) => ({
    path: path.normalize("NFC"),
    bytes: new Uint8Array(data),
  }));
  return { files: withoutCommonFolder(files), skipped };
}

function unpack(
  archive: Uint8Array<ArrayBuffer>,
  filter: (file: UnzipFileInfo) => boolean,
): Record<string, Uint8Array> {
  try {
    return unzipSync(archive, { filter });
  } catch (error) {
    // The library throws plain errors, with a code for each fault of an archive.
    if (!(error instanceof Error && "code" in error) && !(error instanceof RangeError)) throw error;
    throw new ImportError(t("This is no zip archive that can be read."), { cause: error });
  }
}

/** Reads the files of a folder that a person chose or dropped. */
export async function readFolder(
  chosen: readonly { path: string; file: Pick<File, "size" | "arrayBuffer"> }[],
): Promise<ReadFiles> {
  const skipped: ReadFiles["skipped"] = [];
  const wanted = chosen.filter(({ path }) => {
    if (IGNORED.test(path)) return false;
    const why = outside(path);
    if (why !== null) skipped.push({ path, why });
    return why === null;
  });
  checkSize(
    wanted.length,
    wanted.reduce((sum, { file }) => sum + file.size, 0),
  );
  const files: ReadFile[] = [];
  for (const { path, file } of wanted)
    files.push({ path: path.normalize("NFC"), bytes: new Uint8Array(await file.arrayBuffer()) });
  return { files: withoutCommonFolder(files), skipped };
}

function checkSize(files: number, bytes: number): void {
  if (files > MOST_FILES)
    throw new ImportError(
      t("There are more than {most} files. Choose the folder with the SQL only.", {
        most: MOST_FILES,
      }),
    );
  if (bytes > MOST_BYTES)
    throw new ImportError(t("The files have more than 256 MiB. Leave the large ones out."));
}

function outside(path: string): string | null {
  if (path.startsWith("/") || path.includes("\\") || /^[a-z]:/i.test(path))
    return t("the path is absolute");
  if (path.split("/").some((name) => name === ".." || name === "." || name === ""))
    return t("the path leads outside");
  return null;
}

/** An archive of a folder has everything in that folder: the project begins in it, unless it is a folder of a phase. */
function withoutCommonFolder(files: ReadFile[]): ReadFile[] {
  const first = files[0]?.path ?? "";
  const folder = first.slice(0, first.indexOf("/") + 1);
  if (folder === "" || /^(init|seed|test|bench|migrations|sql|db)\/$/i.test(folder)) return files;
  if (!files.every(({ path }) => path.startsWith(folder))) return files;
  return files.map(({ path, bytes }) => ({ path: path.slice(folder.length), bytes }));
}

type Entry = Pick<FileSystemEntry, "isFile" | "isDirectory" | "name" | "fullPath">;

/** The files that lie under what was dropped on the page, folders too. */
export async function droppedFiles(
  transfer: DataTransfer,
): Promise<{ path: string; file: File }[]> {
  const entries = [...transfer.items].flatMap((item) => item.webkitGetAsEntry() ?? []);
  const found: { path: string; file: File }[] = [];
  for (const entry of entries) await collect(entry, found);
  return found;
}

async function collect(entry: Entry, found: { path: string; file: File }[]): Promise<void> {
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) =>
      (entry as FileSystemFileEntry).file(resolve, reject),
    );
    found.push({ path: entry.fullPath.replace(/^\//, ""), file });
    return;
  }
  if (!entry.isDirectory || found.length > MOST_FILES) return;
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  for (;;) {
    const batch = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject),
    );
    if (batch.length === 0) return;
    for (const each of batch) await collect(each, found);
  }
}
