import { onScopeDispose } from "vue";

export type PaletteEvent =
  | "quern:run"
  | "quern:explain"
  | "quern:format"
  | "quern:snippets"
  | "quern:versions"
  | "quern:elsewhere";

/** Lets the page below do what was chosen in the palette. */
export function tellPage(event: PaletteEvent): void {
  dispatchEvent(new CustomEvent(event));
}

/** What the page does when the palette asks for it, as long as the caller's component is shown. */
export function usePaletteEvents(deeds: Partial<Record<PaletteEvent, () => void>>): void {
  for (const [name, deed] of Object.entries(deeds)) {
    addEventListener(name, deed);
    onScopeDispose(() => removeEventListener(name, deed));
  }
}
