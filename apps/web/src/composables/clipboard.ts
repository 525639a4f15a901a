import { ref } from "vue";

/** Copies text. Over plain http on another host browsers give no clipboard, so the old way stays as a fallback. */
export async function copyText(text: string): Promise<boolean> {
  if (navigator.clipboard !== undefined && window.isSecureContext) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
    }
  }
  const area = document.createElement("textarea");
  area.value = text;
  area.style.position = "fixed";
  area.style.opacity = "0";
  const focused = document.activeElement;
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  if (focused instanceof HTMLElement) focused.focus({ preventScroll: true });
  return done;
}

/** `copied` is true for two seconds after a copy, for a button that says so. */
export function useCopy() {
  const copied = ref(false);
  return {
    copied,
    async copy(text: string): Promise<void> {
      copied.value = await copyText(text);
      setTimeout(() => {
        copied.value = false;
      }, 2000);
    },
  };
}
