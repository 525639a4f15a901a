import type { Client } from "@quern/contract/client";
import type { RunEvent } from "@quern/contract/events";
import { computed, type InjectionKey, inject, provide, type Ref } from "vue";
import { api } from "../api.ts";
import { useConnection } from "./connection.ts";
import { onRunEvent } from "./runs.ts";

/** Where a dashboard's pages read from: the session of a person, or a display link. */
export type DashboardSource = {
  client: Client;
  /** Calls back with every event of a run that may be seen. Returns how to stop. */
  onRun: (listener: (event: RunEvent) => void) => () => void;
  /** Whether events come: without them, what goes on is asked for. */
  connected: Ref<boolean>;
  /** A wall screen: nothing on it leads elsewhere. */
  display: boolean;
};

const KEY: InjectionKey<DashboardSource> = Symbol("dashboard source");

export function provideDashboardSource(source: DashboardSource): void {
  provide(KEY, source);
}

/** The source of the page around, else the session's. */
export function useDashboardSource(): DashboardSource {
  return inject(KEY, sessionSource, true);
}

function sessionSource(): DashboardSource {
  const { connection } = useConnection();
  return {
    client: api,
    onRun: onRunEvent,
    connected: computed(() => connection.value !== "lost"),
    display: false,
  };
}
