import { type Ref, ref } from "vue";

/** The one-time token of `#token=…`. It is taken out of the address bar, so that it stays out of the history. */
export function useFragmentToken(): Ref<string | null> {
  const found = new URLSearchParams(location.hash.slice(1)).get("token");
  const token = ref(found || null);
  if (found) history.replaceState(history.state, "", location.pathname + location.search);
  return token;
}
