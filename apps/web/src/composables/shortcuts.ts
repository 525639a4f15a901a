import { onScopeDispose } from "vue";

export type Shortcuts = Record<string, (event: KeyboardEvent) => void>;

/** Newest first: a page's own keys win over the shell's. */
const layers: Shortcuts[] = [];
let pending: { key: string; at: number } | null = null;
const SEQUENCE_MS = 1200;

const isMac = /Mac|iPhone|iPad/.test(navigator.userAgent);
/** The words for the main modifier: `⌘` or `Ctrl`. */
export const MOD = isMac ? "⌘" : "Ctrl";

/** `mod+shift+enter`, `?`, `g`: a key press in the spelling of `useShortcuts`. */
function spellKey(
  event: Pick<KeyboardEvent, "key" | "metaKey" | "ctrlKey" | "shiftKey" | "altKey">,
): string {
  const key = event.key === " " ? "space" : event.key.toLowerCase();
  const named = key.length > 1;
  return [
    event.metaKey || event.ctrlKey ? "mod+" : "",
    event.altKey ? "alt+" : "",
    event.shiftKey && (named || event.metaKey || event.ctrlKey) ? "shift+" : "",
    key,
  ].join("");
}

/** Whether keys that are pressed there write text. */
export function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  // The editor takes text in an element that is neither an input nor editable content, but says that it is a textbox.
  if (target.closest('[role="textbox"]') !== null) return true;
  // A box that was just ticked has the focus, and takes no letters.
  if (target instanceof HTMLInputElement && /^(checkbox|radio)$/.test(target.type)) return false;
  return target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
}

/** Menus, lists and popovers too: Escape closes them, and must not cancel the run behind. */
function hasOpenDialog(): boolean {
  return (
    document.querySelector(
      '[role="dialog"][data-state="open"], [role="menu"][data-state="open"], [data-slot="content"][data-state="open"]',
    ) !== null
  );
}

function onKeydown(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.isComposing) return;
  const key = spellKey(event);
  const plain = !key.startsWith("mod+");
  if (plain && (isTyping(event.target) || hasOpenDialog())) return;
  const sequence =
    pending && Date.now() - pending.at < SEQUENCE_MS ? `${pending.key} ${key}` : null;
  pending = null;
  for (const spelling of sequence === null ? [key] : [sequence, key]) {
    const layer = layers.find((each) => each[spelling] !== undefined);
    if (layer === undefined) continue;
    event.preventDefault();
    layer[spelling]?.(event);
    return;
  }
  const starts = layers.some((each) =>
    Object.keys(each).some((name) => name.startsWith(`${key} `)),
  );
  if (plain && starts) pending = { key, at: Date.now() };
}

/**
 * Keys that work while the caller's component is shown, such as `mod+k`, `?`, `g q` (one after the other).
 * Keys without a modifier do nothing while somebody types or a dialog is open.
 */
export function useShortcuts(shortcuts: Shortcuts): void {
  if (layers.length === 0) addEventListener("keydown", onKeydown);
  layers.unshift(shortcuts);
  onScopeDispose(() => {
    layers.splice(layers.indexOf(shortcuts), 1);
    if (layers.length === 0) removeEventListener("keydown", onKeydown);
  });
}
