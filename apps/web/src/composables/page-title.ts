import { type MaybeRefOrGetter, toValue, watchEffect } from "vue";

/** The document's title, as long as the page is shown. */
export function usePageTitle(title: MaybeRefOrGetter<string>): void {
  watchEffect(() => {
    const words = toValue(title);
    document.title = words === "" ? "Quern" : `${words} · Quern`;
  });
}
