import { findMissingBlobs, putBlob, readBlob } from "@quern/contract/blobs";
import { ProblemError, UnreachableError } from "@quern/contract/client";
import { Problem } from "@quern/contract/problem";
import { useQuery } from "@tanstack/vue-query";
import { computed, type MaybeRefOrGetter, toValue } from "vue";
import { api } from "../api.ts";
import type { ReadFile } from "../projects/import-files.ts";
import { digestOf } from "../projects/sha256.ts";
import type { Tree } from "../projects/working-copy.ts";

const AT_ONCE = 4;
/** Files up to this size go as text in the body that names them, up to so much of it in all. */
const MOST_INLINE_FILE = 64 * 1024;
const MOST_INLINE = 8 * 1024 ** 2;
const hexOf = (etag: string): string => etag.replace(/^sha256:/, "");

/** The bytes of a stored file. Throws `ProblemError`, `UnreachableError`, or the signal's reason. */
async function readBytes(etag: string, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
  const response = await ask(api.url(readBlob, { params: { digest: hexOf(etag) } }), {
    ...(signal ? { signal } : {}),
  });
  return new Uint8Array(await response.arrayBuffer());
}

/**
 * Uploads those of `files` that the server lacks, a few at a time; returns the tree that names all of them. `progress` is
 * told how many of how many are there.
 */
export async function uploadFiles(
  files: readonly ReadFile[],
  progress: (done: number, all: number) => void = () => {},
): Promise<Tree> {
  const tree: Tree = {};
  const bytes = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const file of files) {
    const etag = await digestOf(file.bytes);
    tree[file.path] = { etag, size: file.bytes.length };
    bytes.set(etag, file.bytes);
  }
  const { missing } = await api.call(findMissingBlobs, { body: { etags: [...bytes.keys()] } });
  const waiting = missing.map((etag) => ({ etag, body: bytes.get(etag) }));
  let done = bytes.size - waiting.length;
  progress(done, bytes.size);
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      if (next.body !== undefined) await upload(next.etag, next.body);
      done += 1;
      progress(done, bytes.size);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return tree;
}

/** A tree as a request carries it: small texts by themselves, the rest by what was uploaded. */
export type SentTree = Record<string, { content: string } | Tree[string]>;

/** Uploads those of `files` that are large or no text; returns the tree that names these and has the others in it. */
export async function sendFiles(
  files: readonly ReadFile[],
  progress: (done: number, all: number) => void = () => {},
): Promise<SentTree> {
  const tree: SentTree = {};
  const rest: ReadFile[] = [];
  let inline = 0;
  for (const file of files) {
    const fits = file.bytes.length <= MOST_INLINE_FILE && inline + file.bytes.length <= MOST_INLINE;
    const text = fits ? textOf(file.bytes).text : null;
    if (text === null) rest.push(file);
    else {
      inline += file.bytes.length;
      tree[file.path] = { content: text };
    }
  }
  return rest.length === 0 ? tree : { ...tree, ...(await uploadFiles(rest, progress)) };
}

async function upload(etag: string, body: Uint8Array<ArrayBuffer>): Promise<void> {
  await ask(api.url(putBlob, { params: { digest: hexOf(etag) } }), {
    method: "PUT",
    headers: { "content-type": "application/octet-stream" },
    body,
  });
}

async function ask(url: string, init: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, { credentials: "same-origin", ...init });
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new UnreachableError("Quern's server does not answer.", { cause: error });
  }
  if (response.ok) return response;
  throw new ProblemError(Problem.parse(await response.json()));
}

/** The text of a stored file; `text` is null where it is no UTF-8. A digest's bytes never change, so it is read once. */
export function useBlobText(etag: MaybeRefOrGetter<string | null>) {
  return useQuery({
    queryKey: computed(() => ["blob", toValue(etag)] as const),
    queryFn: async ({ signal }) => textOf(await readBytes(toValue(etag) ?? "", signal)),
    enabled: computed(() => toValue(etag) !== null),
    staleTime: Number.POSITIVE_INFINITY,
  });
}

export type BlobText = { text: string | null; bytes: number };

function textOf(bytes: Uint8Array): BlobText {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    return { text: text.includes("\0") ? null : text, bytes: bytes.length };
  } catch (error) {
    // What is no UTF-8 is a TypeError.
    if (!(error instanceof TypeError)) throw error;
    return { text: null, bytes: bytes.length };
  }
}
