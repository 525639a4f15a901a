/** What the agent costs and how it does, for Prometheus. */
import { VERSION } from "@quern/runtime/version";
import { exposition, type Metric } from "./exposition.ts";
import type { Watched } from "./reports.ts";

export function metricsOf(watched: Watched, now: number): string {
  return exposition([
    ...costMetrics(watched, now),
    ...collectionMetrics(watched),
    ...deliveryMetrics(watched),
  ]);
}

const one = (value: number) => [{ value }];

const gauge = (name: string, help: string, values: Metric["values"]): Metric => ({
  name: `quern_agent_${name}`,
  help,
  type: "gauge",
  values,
});

const counter = (name: string, help: string, values: Metric["values"]): Metric => ({
  ...gauge(name, help, values),
  type: "counter",
});

function costMetrics({ collections, collector }: Watched, now: number): Metric[] {
  const { state } = collections;
  const { database_time_ms, connections } = collector.cost();
  const { user, system } = process.cpuUsage();
  return [
    gauge("build_info", "Always 1", [{ labels: { version: VERSION }, value: 1 }]),
    gauge("uptime_seconds", "Since it started", one((now - state.started_at) / 1000)),
    gauge("resident_memory_bytes", "Resident memory", one(process.memoryUsage.rss())),
    counter("cpu_seconds_total", "User and system time", one((user + system) / 1e6)),
    counter(
      "database_seconds_total",
      "What the agent's statements took at the server",
      one(database_time_ms / 1000),
    ),
    gauge("database_connections", "Open connections to the server", one(connections)),
    gauge(
      "database_connected",
      "Whether the last collection reached it",
      one(Number(state.connected)),
    ),
  ];
}

function collectionMetrics({ collections: { state } }: Watched): Metric[] {
  const sections = [...state.sections.values()].map(({ section, status, ...of }) => ({
    labels: { section, status },
    ...of,
  }));
  return [
    counter(
      "collections_total",
      "Collections by outcome",
      Object.entries(state.collections).map(([outcome, value]) => ({ labels: { outcome }, value })),
    ),
    counter(
      "skipped_turns_total",
      "Turns that a slow collection overran",
      one(state.skipped_turns),
    ),
    gauge("collection_seconds", "Of the last one", one((state.last_duration_ms ?? 0) / 1000)),
    counter(
      "sections_total",
      "Sections read, by status",
      sections.map(({ labels, count }) => ({ labels, value: count })),
    ),
    counter(
      "section_seconds_total",
      "Time that reading sections took",
      sections.map(({ labels, duration_ms }) => ({ labels, value: duration_ms / 1000 })),
    ),
  ];
}

function deliveryMetrics({ spool, uploader }: Watched): Metric[] {
  const spooled = spool.state();
  const upload = uploader.state();
  return [
    gauge("spool_payloads", "Payloads that wait", one(spooled.payloads)),
    gauge("spool_bytes", "Their size, compressed", one(spooled.bytes)),
    gauge(
      "spool_in_memory",
      "Of them those that the disk did not take",
      one(spooled.held_in_memory),
    ),
    counter("dropped_payloads_total", "Payloads that were thrown away", one(spooled.dropped)),
    gauge("dead_letters", "Payloads that the server refused for good", one(spooled.dead_letters)),
    counter(
      "uploads_total",
      "Attempts by the status of their answer; error for none",
      Object.entries(upload.uploads).map(([status, value]) => ({ labels: { status }, value })),
    ),
    counter("uploaded_bytes_total", "Compressed, of what has arrived", one(upload.uploaded_bytes)),
    gauge(
      "upload_errors",
      "Failed attempts since the last that arrived",
      one(upload.errors_in_a_row),
    ),
  ];
}
