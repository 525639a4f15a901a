import { readStored, store } from "./stored.ts";

const KEY = "quern:own-runs";
const KEPT = 50;

const isList = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((each) => typeof each === "string");

/** Remembers, for all tabs of this browser, that a person started run `id` in one of them. */
export function noteOwnRun(id: string): void {
  const known = readStored(KEY, isList, []).filter((each) => each !== id);
  store(KEY, JSON.stringify([id, ...known].slice(0, KEPT)));
}

/** Whether a person started run `id` in a tab of this browser, and not by a script or somewhere else. */
export function isOwnRun(id: string): boolean {
  return readStored(KEY, isList, []).includes(id);
}
