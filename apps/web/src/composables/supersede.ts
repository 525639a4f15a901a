/**
 * Runs that this tab started and nobody else waits for. Running again, or closing the tab, cancels the one before, unless
 * the person has switched that off (docs/run-pages.md).
 */
import { cancelRun, type Run } from "@quern/contract/runs";
import type { QueryClient } from "@tanstack/vue-query";
import { api } from "../api.ts";
import { isTrouble } from "../words/problems.ts";
import { isTerminal } from "../words/runs.ts";
import { isBoolean, readStored, useStored } from "./stored.ts";

const SETTING = "runs.supersede";

/** Whether a run that is left behind is canceled: of this browser, on until it is switched off. */
export const superseding = useStored(SETTING, isBoolean, true);
/** Another tab may have switched it meanwhile. */
const isOn = () => readStored(`quern:${SETTING}`, isBoolean, true);

const BEGUN = "quern:begun";
/** Runs of this tab that may still go on, and whether their SQL is unsaved. A reload of the tab keeps them. */
const begun = new Map<string, boolean>(readBegun());
const KEPT = 20;

function readBegun(): [string, boolean][] {
  const isEntry = (each: unknown): each is [string, boolean] =>
    Array.isArray(each) && typeof each[0] === "string" && typeof each[1] === "boolean";
  try {
    const kept: unknown = JSON.parse(sessionStorage.getItem(BEGUN) ?? "[]");
    return Array.isArray(kept) ? kept.filter(isEntry) : [];
  } catch (error) {
    if (error instanceof SyntaxError) return [];
    throw error;
  }
}
function keepBegun(): void {
  sessionStorage.setItem(BEGUN, JSON.stringify([...begun].slice(-KEPT)));
}

/** Remembers a run that this tab has just started. */
export function noteBegun(id: string, unsaved: boolean): void {
  begun.set(id, unsaved);
  keepBegun();
}

/** Cancels run `id` when this tab started it, it may still go on, and the setting is on: a new one takes its place. */
export async function supersede(queries: QueryClient, id: string | null): Promise<void> {
  if (id === null || !begun.has(id) || !isOn()) return;
  begun.delete(id);
  keepBegun();
  const known = queries.getQueryData<Run>(["run", id]);
  if (known !== undefined && isTerminal(known.status)) return;
  try {
    await api.call(cancelRun, { params: { id }, body: {} });
  } catch (error) {
    // It has ended, or the server is away: the new run tells of that itself.
    if (!isTrouble(error)) throw error;
  }
}

/**
 * When the tab is closed or leads elsewhere, what it leaves behind is handed to a service worker, which cancels it
 * unless the tab is there again a moment later: a page that goes away cannot tell whether it is only reloaded.
 * Without one (plain http on another host than localhost has none) nothing is canceled. Returns how to stop.
 */
export function cancelOnClose(queries: QueryClient): () => void {
  let worker: ServiceWorker | null = null;
  void startWorker().then((active) => {
    worker = active;
  });
  const onHide = () => {
    if (!isOn()) return;
    const left = [...begun].flatMap(([id, unsaved]) => {
      const known = queries.getQueryData<Run>(["run", id]);
      return !unsaved || (known !== undefined && isTerminal(known.status)) ? [] : [id];
    });
    if (left.length > 0) worker?.postMessage({ left });
  };
  addEventListener("pagehide", onHide);
  return () => removeEventListener("pagehide", onHide);
}

async function startWorker(): Promise<ServiceWorker | null> {
  if (!("serviceWorker" in navigator)) return null;
  try {
    await navigator.serviceWorker.register("/leave.js");
    return (await navigator.serviceWorker.ready).active;
  } catch (error) {
    // The browser keeps nothing for this page, or the script could not be loaded: then there is none.
    if (error instanceof DOMException || error instanceof TypeError) return null;
    throw error;
  }
}
