import { onScopeDispose, ref } from "vue";

/** The page without what is around it: the shell reads this. */
export const bare = ref(false);

/** The page alone on the whole screen, as far as the browser allows that; Escape ends it. */
export function useFullScreen() {
  async function enter(): Promise<void> {
    bare.value = true;
    try {
      await document.documentElement.requestFullscreen?.();
    } catch (error) {
      // Refused, as within a frame or by a policy: the window is filled all the same.
      if (!(error instanceof TypeError || error instanceof DOMException)) throw error;
    }
  }
  async function leave(): Promise<void> {
    bare.value = false;
    if (document.fullscreenElement !== null) await document.exitFullscreen();
  }
  const onChange = () => {
    if (document.fullscreenElement === null) bare.value = false;
  };
  document.addEventListener("fullscreenchange", onChange);
  onScopeDispose(() => {
    document.removeEventListener("fullscreenchange", onChange);
    void leave();
  });
  return { bare, leave, toggle: () => void (bare.value ? leave() : enter()) };
}
