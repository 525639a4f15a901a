import { type InjectionKey, inject, provide, ref } from "vue";

export type Help = { showShortcuts: () => void; startTour: () => void };

const KEY: InjectionKey<Help> = Symbol("help");

/** Makes the shortcut sheet and the tour reachable for everything below the shell. */
export function provideHelp(startTour: () => void) {
  const sheetOpen = ref(false);
  const help: Help = {
    showShortcuts: () => {
      sheetOpen.value = true;
    },
    startTour,
  };
  provide(KEY, help);
  return { help, sheetOpen };
}

/** How to show the shortcuts, and how to begin the tour anew. */
export function useHelp(): Help {
  const help = inject(KEY);
  if (help === undefined) throw new Error("useHelp() is only for what is inside of the shell");
  return help;
}
