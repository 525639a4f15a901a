import { ProblemError, UnreachableError } from "@quern/contract/client";
import { Problem } from "@quern/contract/problem";
import type { Truncated } from "@quern/contract/results";
import {
  type DownloadDigest,
  type DownloadFormat,
  digestRunResult,
  downloadRunResult,
} from "@quern/contract/run-results";
import { onScopeDispose, shallowRef } from "vue";
import { api } from "../api.ts";
import { t } from "../i18n/language.ts";
import { isTrouble } from "../words/problems.ts";
import { saveFile } from "./file-save.ts";

export type DownloadWish = {
  runId: string;
  statement: number;
  format: DownloadFormat;
  raw: boolean;
  name: string;
  /** Bytes of the result, uncompressed: the file's size is near that. */
  bytes: number;
};

export type DownloadState =
  | { step: "reading"; wish: DownloadWish; bytes: number }
  /** The browser saves it by itself; `digest` is what the file has to be. */
  | { step: "handed_over"; wish: DownloadWish; digest: DownloadDigest | null; asking: boolean }
  | { step: "saved"; wish: DownloadWish; digest: DownloadDigest }
  | { step: "failed"; wish: DownloadWish; error: Error };

/** The file that came is not the one that the server says it sent. */
export class DamagedDownloadError extends Error {
  override name = "DamagedDownloadError";
}

/** Files up to this size are read by the page, which can then verify them; larger ones go straight to the disk. */
const READ_BYTES = 64 * 1024 ** 2;

const options = (wish: DownloadWish) => ({
  params: { id: wish.runId, format: wish.format },
  query: { statement: wish.statement, ...(wish.raw ? { raw: "true" as const } : {}) },
});

async function open(wish: DownloadWish, signal: AbortSignal): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(api.url(downloadRunResult, options(wish)), {
      credentials: "same-origin",
      signal,
    });
  } catch (error) {
    if (signal.aborted) throw error;
    throw new UnreachableError("Quern's server does not answer.", { cause: error });
  }
  if (response.ok) return response;
  throw new ProblemError(Problem.parse(await response.json()));
}

async function readFile(
  response: Response,
  signal: AbortSignal,
  progress: (bytes: number) => void,
): Promise<Blob> {
  const chunks: BlobPart[] = [];
  let bytes = 0;
  const reader = response.body?.getReader();
  try {
    for (;;) {
      const read = await reader?.read();
      if (read === undefined || read.done) break;
      chunks.push(read.value);
      bytes += read.value.byteLength;
      progress(bytes);
    }
  } catch (error) {
    if (signal.aborted || !(error instanceof TypeError)) throw error;
    throw new DamagedDownloadError(
      t("The file broke off after {bytes} bytes, so it was not saved. Try again.", { bytes }),
      { cause: error },
    );
  }
  return new Blob(chunks, { type: response.headers.get("content-type") ?? "" });
}

/** Pages served over plain http from another host have no digests: then the size alone is compared. */
async function sha256(blob: Blob): Promise<string | null> {
  if (crypto.subtle === undefined) return null;
  const digest = await crypto.subtle.digest("SHA-256", await blob.arrayBuffer());
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function saveBlob(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  saveFile(url, name);
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** Downloads of results, one at a time, each verified by its rows, size and SHA-256 as far as the page can. */
export function useDownload() {
  const state = shallowRef<DownloadState | null>(null);
  let stop = new AbortController();
  onScopeDispose(() => stop.abort());

  async function readAndVerify(wish: DownloadWish, signal: AbortSignal): Promise<void> {
    const [blob, digest] = await Promise.all([
      open(wish, signal).then((response) =>
        readFile(response, signal, (bytes) => {
          state.value = { step: "reading", wish, bytes };
        }),
      ),
      api.call(digestRunResult, { ...options(wish), signal }),
    ]);
    const own = await sha256(blob);
    if (blob.size !== digest.size || (own !== null && own !== digest.sha256))
      throw new DamagedDownloadError(
        t(
          "The file that came is not the one that the server sent, so it was not saved. Try again.",
        ),
      );
    saveBlob(blob, wish.name);
    state.value = { step: "saved", wish, digest };
  }

  async function handOver(wish: DownloadWish, signal: AbortSignal): Promise<void> {
    // A refusal is told here; once the first bytes come, the browser shows how the rest goes.
    const response = await open(wish, signal);
    await response.body?.cancel();
    saveFile(api.url(downloadRunResult, options(wish)), wish.name);
    state.value = { step: "handed_over", wish, digest: null, asking: false };
  }

  async function attempt(wish: DownloadWish, deed: (signal: AbortSignal) => Promise<void>) {
    stop.abort();
    stop = new AbortController();
    const { signal } = stop;
    try {
      await deed(signal);
    } catch (error) {
      if (signal.aborted) return;
      if (!isTrouble(error) && !(error instanceof DamagedDownloadError)) throw error;
      state.value = { step: "failed", wish, error };
    }
  }

  return {
    state,
    start(wish: DownloadWish): void {
      state.value = { step: "reading", wish, bytes: 0 };
      const deed = wish.bytes <= READ_BYTES ? readAndVerify : handOver;
      void attempt(wish, (signal) => deed(wish, signal));
    },
    /** Asks the server what the file that the browser saves has to be. */
    askDigest(): void {
      const { value } = state;
      if (value?.step !== "handed_over" || value.asking) return;
      state.value = { ...value, asking: true };
      void attempt(value.wish, async (signal) => {
        const digest = await api.call(digestRunResult, { ...options(value.wish), signal });
        state.value = { ...value, digest, asking: false };
      });
    },
    dismiss(): void {
      stop.abort();
      state.value = null;
    },
  };
}

/** How a cut result is named in a note about its file. */
export function cutWords(truncated: Truncated): string {
  return truncated === null
    ? ""
    : truncated === "rows"
      ? t("cut at the row limit")
      : t("cut at the size limit");
}
