import { onScopeDispose, type Ref, watch } from "vue";

const FIRST_MS = 1_500;
const LONGEST_MS = 20_000;
const SLOWER = 1.7;

/** Asks with growing pauses while no events come and something goes on; and once when they come again. */
export function usePolling(config: {
  connected: Ref<boolean>;
  goesOn: Ref<boolean>;
  ask: () => Promise<unknown>;
}): void {
  const { connected, goesOn, ask } = config;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let pause = FIRST_MS;

  function plan(): void {
    clearTimeout(timer);
    if (connected.value || !goesOn.value) return;
    timer = setTimeout(async () => {
      await ask();
      pause = Math.min(LONGEST_MS, pause * SLOWER);
      plan();
    }, pause);
  }
  watch([connected, goesOn], ([isConnected], [was]) => {
    pause = FIRST_MS;
    // Events of the gap are lost.
    if (isConnected && was === false && goesOn.value) void ask();
    plan();
  });
  onScopeDispose(() => clearTimeout(timer));
}
