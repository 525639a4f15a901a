/** What a layer store measures. */
import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { LayerStats } from "./layer-store.ts";

export type LayerInstruments = ReturnType<typeof openLayerInstruments>;

const SECONDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600];

/** Adds the metrics of layers to the registry of a process. Call once for each registry. */
export function openLayerInstruments(registry: Registry) {
  const registers = [registry];
  return {
    lookups: new Counter({
      name: "quern_layer_lookups_total",
      help: "Lookups of chains by jobs; hit is full, prefix or miss",
      labelNames: ["hit"],
      registers,
    }),
    lookupSeconds: new Histogram({
      name: "quern_layer_lookup_seconds",
      help: "Time of one lookup with its lease",
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5],
      registers,
    }),
    builds: new Counter({
      name: "quern_layer_builds_total",
      help: "Builds of layers; outcome is built, imported, failed or canceled",
      labelNames: ["outcome"],
      registers,
    }),
    buildSeconds: new Histogram({
      name: "quern_layer_build_seconds",
      help: "From the clone of the parent to the clean stop, of layers that were published",
      buckets: SECONDS,
      registers,
    }),
    publishSeconds: new Histogram({
      name: "quern_layer_publish_seconds",
      help: "From the clean stop until a layer is visible",
      buckets: SECONDS,
      registers,
    }),
    evictions: new Counter({
      name: "quern_layer_evictions_total",
      help: "Layers that went; why is capacity, expired, lost or unclean",
      labelNames: ["why"],
      registers,
    }),
    evictedBytes: new Counter({
      name: "quern_layer_evicted_bytes_total",
      help: "Bytes of layers that went",
      registers,
    }),
    sweepSeconds: new Histogram({
      name: "quern_layer_sweep_seconds",
      help: "Time of one sweep of the store: reconciliation, expiry, eviction",
      buckets: SECONDS,
      registers,
    }),
    sweepDeletions: new Counter({
      name: "quern_layer_sweep_deletions_total",
      help: "Directories that sweeps deleted",
      registers,
    }),
    refusals: new Counter({
      name: "quern_layer_refusals_total",
      help: "Layers that could not be kept, by the code of the error",
      labelNames: ["code"],
      registers,
    }),
    exportedBytes: new Counter({
      name: "quern_layer_exported_bytes_total",
      help: "Bytes sent to the shared store, compressed",
      registers,
    }),
  };
}

/** Shows how the store is whenever somebody reads the metrics. */
export function watchLayerStore(registry: Registry, stats: () => LayerStats): void {
  const gauge = (name: string, help: string, read: (stats: LayerStats) => number) =>
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read(stats()));
      },
    });
  gauge("quern_layers", "Layers in the store", ({ layers }) => layers);
  gauge("quern_layer_bytes", "Bytes that layers take", ({ used_bytes }) => used_bytes);
  gauge(
    "quern_layer_max_bytes",
    "Bytes that layers may take",
    ({ effective_max_bytes }) => effective_max_bytes,
  );
  gauge("quern_layer_builds_running", "Builds under way", ({ builds_running }) => builds_running);
  gauge("quern_layer_build_waiters", "Callers that wait for a build", ({ waiting }) => waiting);
}
