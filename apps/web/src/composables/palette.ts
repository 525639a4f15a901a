import { type InjectionKey, inject, provide, type Ref, ref } from "vue";

const KEY: InjectionKey<Ref<boolean>> = Symbol("palette");

/** Makes the command palette's open state for everything below the shell. */
export function providePalette(): { open: Ref<boolean> } {
  const open = ref(false);
  provide(KEY, open);
  return { open };
}

export function usePalette(): { open: Ref<boolean> } {
  return { open: inject(KEY, ref(false)) };
}
