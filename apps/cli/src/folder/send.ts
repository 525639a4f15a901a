/** Sends a folder's files: only contents that the server lacks, small ones inside the request, large ones as streams. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { Readable } from "node:stream";
import { findMissingBlobs, putBlob } from "@quern/contract/blobs";
import { ProblemError, UnreachableError } from "@quern/contract/client";
import { Problem } from "@quern/contract/problem";
import type { TreeInput } from "@quern/contract/project-tree";
import type { Context } from "../commands/command.ts";
import { CliError } from "../faults.ts";
import { size } from "../formats/times.ts";
import type { CollectedFile } from "./collect.ts";

export type Folder = {
  files: readonly CollectedFile[];
  /**
   * Calls `create` with the tree, in which contents are that the server has not seen from this person; once more with all of
   * them asked for anew when it has forgotten some meanwhile. From the second call on the server has them all.
   */
  send<T>(create: (tree: TreeInput) => Promise<T>): Promise<T>;
};

const SMALL_BYTES = 256 * 1024;
/** Of all contents inside one request; the server takes 64 MiB. */
const INLINE_BYTES = 16 * 1024 ** 2;
const UPLOADS_AT_ONCE = 4;

type Sending = Pick<Context, "client" | "fetch" | "terminal"> & { signal?: AbortSignal };

export function openFolder(context: Sending, files: readonly CollectedFile[]): Folder {
  let known = false;
  let turn: Promise<unknown> = Promise.resolve();
  const send = async <T>(create: (tree: TreeInput) => Promise<T>): Promise<T> => {
    for (let attempt = 1; ; attempt += 1) {
      const missing = known ? new Set<string>() : await findMissing(context, files);
      try {
        const made = await create(await treeOf(context, files, missing));
        known = true;
        return made;
      } catch (error) {
        const forgotten =
          error instanceof ProblemError && error.problem.code === "source_inputs_missing";
        if (!forgotten || attempt === 2) throw error;
        known = false;
      }
    }
  };
  return {
    files,
    send(create) {
      if (known) return send(create);
      // Of many at once the first one carries the contents, and the others name them.
      const mine = turn.then(() => send(create));
      turn = mine.then(
        () => {},
        () => {},
      );
      return mine;
    },
  };
}

async function findMissing({ client, signal }: Sending, files: readonly CollectedFile[]) {
  const etags = [...new Set(files.map(({ digest }) => digest))];
  if (etags.length === 0) return new Set<string>();
  const { missing } = await client.call(findMissingBlobs, {
    body: { etags },
    ...(signal ? { signal } : {}),
  });
  return new Set(missing);
}

async function treeOf(
  context: Sending,
  files: readonly CollectedFile[],
  missing: Set<string>,
): Promise<TreeInput> {
  const tree: TreeInput = {};
  const large: CollectedFile[] = [];
  const done = new Set<string>();
  let inlined = 0;
  for (const file of files) {
    tree[file.path] = { etag: file.digest, size: file.size };
    if (!missing.has(file.digest) || done.has(file.digest)) continue;
    const fits = file.size <= SMALL_BYTES && inlined + file.size <= INLINE_BYTES;
    const content = fits ? await textOf(file) : null;
    if (content === null) {
      large.push(file);
      done.add(file.digest);
    } else {
      // A digest is named as an etag only once the server has its bytes: its twins carry them as well.
      inlined += file.size;
      tree[file.path] = { content };
    }
  }
  await upload(context, large);
  return tree;
}

/** The file as text that says the same bytes; null when it is no text. Throws when it changed since it was collected. */
async function textOf({ file, path, digest }: CollectedFile): Promise<string | null> {
  const bytes = await readFile(file);
  if (`sha256:${createHash("sha256").update(bytes).digest("hex")}` !== digest) throw changed(path);
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    return text.includes("\0") ? null : text;
  } catch (error) {
    if (error instanceof TypeError) return null;
    throw error;
  }
}

function changed(path: string): CliError {
  return new CliError(`${path} changed while it was read. Run the command again.`);
}

async function upload(context: Sending, files: readonly CollectedFile[]): Promise<void> {
  let next = 0;
  const work = async () => {
    for (let at = next++; at < files.length; at = next++) {
      const file = files[at]!;
      context.terminal.progress(`uploading ${file.path} (${size(file.size)})`);
      await put(context, file);
    }
  };
  await Promise.all(Array.from({ length: Math.min(UPLOADS_AT_ONCE, files.length) }, work));
  if (files.length > 0) context.terminal.progress(null);
}

async function put({ client, fetch, signal }: Sending, file: CollectedFile): Promise<void> {
  const url = client.url(putBlob, { params: { digest: file.digest.slice("sha256:".length) } });
  const response = await sent(fetch, url, file, signal);
  if (response.ok) return;
  const problem = Problem.safeParse(await response.json().catch(() => null));
  if (!problem.success)
    throw new CliError(`${file.path} could not be uploaded: status ${response.status}`);
  if (problem.data.code === "digest_mismatch") throw changed(file.path);
  throw new ProblemError(problem.data);
}

async function sent(
  fetch: Context["fetch"],
  url: string,
  { file, size: bytes }: CollectedFile,
  signal: AbortSignal | undefined,
): Promise<Response> {
  // An empty file is no stream: a request without bytes has to say so in its length.
  const body = bytes === 0 ? new Uint8Array() : Readable.toWeb(createReadStream(file));
  try {
    return await fetch(url, {
      method: "PUT",
      headers: { "content-type": "application/octet-stream", "content-length": String(bytes) },
      body: body as ReadableStream<Uint8Array>,
      ...(signal ? { signal } : {}),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new UnreachableError("the upload broke off", { cause: error });
  }
}
