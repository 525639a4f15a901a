import { type Ref, ref, watch } from "vue";

/** False when the browser keeps nothing more: storage is full or switched off. */
export function store(key: string, value: string | null): boolean {
  try {
    if (value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, value);
    return true;
  } catch (error) {
    if (error instanceof DOMException) return false;
    throw error;
  }
}

/** The stored JSON at `key` if `accept` takes it, else `fallback`. */
export function readStored<T>(key: string, accept: (value: unknown) => value is T, fallback: T): T {
  const text = localStorage.getItem(key);
  if (text === null) return fallback;
  try {
    const value: unknown = JSON.parse(text);
    return accept(value) ? value : fallback;
  } catch (error) {
    if (error instanceof SyntaxError) return fallback;
    throw error;
  }
}

/** A ref that this browser remembers under `quern:<key>`. */
export function useStored<T>(
  key: string,
  accept: (value: unknown) => value is T,
  fallback: T,
): Ref<T> {
  const value = ref(readStored(`quern:${key}`, accept, fallback)) as Ref<T>;
  watch(value, (next) => store(`quern:${key}`, JSON.stringify(next)), { flush: "sync" });
  return value;
}

export const isBoolean = (value: unknown): value is boolean => typeof value === "boolean";
export const isNumber = (value: unknown): value is number =>
  typeof value === "number" && Number.isFinite(value);
export const isStringList = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((each) => typeof each === "string");
