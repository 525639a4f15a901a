/** How messages to webhooks are doing: what this process sent, and what the outbox holds, read once for each scrape. */
import type { Database } from "@quern/store/db";
import { type Noted, readOutbox } from "@quern/store/webhook-sending";
import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import { answersInTime } from "./queue-metrics.ts";

/** Less than a scraper waits. */
const DATABASE_MS = 5_000;

export type OutboxInstruments = {
  /** An attempt ended; `code` says why it failed. */
  attempted(noted: Noted, seconds: number, code: string | undefined): void;
};

export function measureOutbox(registry: Registry, db: Database): OutboxInstruments {
  const registers = [registry];
  const attempts = new Counter({
    name: "quern_webhook_attempts_total",
    help: "Attempts of this process to send a message to a webhook: delivered, retry (failed, is tried again), dead (given up) or lost (another process took over)",
    labelNames: ["outcome", "code"],
    registers,
  });
  const seconds = new Histogram({
    name: "quern_webhook_attempt_seconds",
    help: "Time that receivers took to answer, or to fail",
    labelNames: ["outcome"],
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15],
    registers,
  });
  // A rate needs a series before the first thing happens.
  for (const outcome of ["delivered", "retry", "dead"]) {
    attempts.inc({ outcome, code: "" }, 0);
    seconds.zero({ outcome });
  }
  let reading: Promise<void> | undefined;
  const collect = () => {
    reading ??= answersInTime(readOutbox(db), DATABASE_MS).then((now) => {
      reading = undefined;
      for (const [key, gauge] of Object.entries(gauges)) {
        gauge.remove();
        if (now !== null) gauge.set(now[key as keyof typeof gauges]);
      }
    });
    return reading;
  };
  const gauge = (name: string, help: string) => new Gauge({ name, help, registers, collect });
  // The same from every API process, so take the maximum over them.
  const gauges = {
    pending: gauge("quern_webhook_pending", "Messages that wait to be sent, or to be sent again"),
    lag_s: gauge(
      "quern_webhook_lag_seconds",
      "How long the longest of those has been due that may be sent now",
    ),
    dead: gauge("quern_webhook_dead", "Messages of the last 30 days that were given up"),
    failing: gauge("quern_webhooks_failing", "Webhooks whose last message failed"),
    disabled: gauge(
      "quern_webhooks_given_up",
      "Webhooks that were switched off because they failed or answered 410",
    ),
  };
  return {
    attempted(noted, took, code) {
      attempts.inc({ outcome: noted, code: code ?? "" });
      seconds.observe({ outcome: noted }, took);
    },
  };
}
