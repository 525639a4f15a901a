import type { DashboardEvent } from "@quern/contract/events";
import type { QueryClient } from "@tanstack/vue-query";

type Listener = (event: DashboardEvent) => void;
const listeners = new Set<Listener>();

/** `listener` is called whenever somebody saved or deleted a dashboard. Returns how to stop. */
export function onDashboardEvent(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Has lists read anew; the page of a dashboard decides by itself when it shows what is new. */
export function applyDashboardEvent(queries: QueryClient, event: DashboardEvent): void {
  void queries.invalidateQueries({ queryKey: ["dashboards"] });
  void queries.invalidateQueries({ queryKey: ["dashboard-versions", event.id] });
  for (const listener of listeners) listener(event);
}
