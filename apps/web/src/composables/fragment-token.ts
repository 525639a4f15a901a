import { type Ref, ref } from "vue";

let taken: string | null = null;

/** The one-time token of `#token=…`. It is taken out of the address bar, so that it stays out of the history. */
export function useFragmentToken(): Ref<string | null> {
  const found = new URLSearchParams(location.hash.slice(1)).get("token");
  const token = ref(found || null);
  taken = token.value;
  if (found) history.replaceState(history.state, "", location.pathname + location.search);
  return token;
}

/** Before this page loads itself anew: the token goes back to where the page will look for it. */
export function putTokenBack(): void {
  if (taken === null) return;
  const fragment = new URLSearchParams({ token: taken });
  history.replaceState(history.state, "", `${location.pathname}${location.search}#${fragment}`);
}
