import { type InjectionKey, inject, provide, type Ref, ref } from "vue";

const KEY: InjectionKey<Ref<boolean>> = Symbol("drawer");

/** Makes the open state of the menu of narrow windows, for everything below the shell. */
export function provideDrawer(): Ref<boolean> {
  const open = ref(false);
  provide(KEY, open);
  return open;
}

export function useDrawer(): Ref<boolean> {
  return inject(KEY, ref(false));
}
