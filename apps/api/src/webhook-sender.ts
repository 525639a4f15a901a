import { setTimeout as delay } from "node:timers/promises";
import type { Log } from "@quern/runtime/log";
import type { Outbound } from "@quern/runtime/outbound";
import type { Running } from "@quern/runtime/running";
import type { Database } from "@quern/store/db";
import { isPassing } from "@quern/store/passing-errors";
import { forgetDeliveries } from "@quern/store/webhook-deliveries";
import {
  type AttemptOutcome,
  type ClaimedDelivery,
  claimDelivery,
  type Noted,
  noteAttempt,
  releaseDelivery,
} from "@quern/store/webhook-sending";
import type { JWK } from "jose";
import type { OutboxInstruments } from "./outbox-metrics.ts";
import { sendMessage } from "./webhook-message.ts";

/** Messages on their way at the same time, each to another webhook. */
const SLOTS = 8;
/** Notifications are hints; this finds what they missed and what is due by time. */
const POLL_MS = 3_000;
const FORGET_EVERY_MS = 3_600_000;
/** What is on its way when the process stops has so long to arrive. */
const STOP_MS = 5_000;
/** An outcome that cannot be noted means that the message is sent again: the database has so many seconds to come back. */
const NOTE_TRIES = 10;

type Sending = {
  db: Database;
  /** The API's own keys, which seal the secrets of webhooks. */
  own: JWK[];
  outbound: Outbound;
  log: Log;
  instruments: OutboxInstruments;
  /** Calls back when something may be due. */
  subscribe(onMessage: () => void): () => void;
};

/** Sends what the outbox holds until stopped. Several processes may: a webhook gets one message at a time from all of them. */
export function sendWebhooks(sending: Sending): Running {
  const { db, log } = sending;
  const stopping = new AbortController();
  const cutting = new AbortController();
  const onTheirWay = new Set<Promise<void>>();
  let woken = () => {};
  let due = true;
  const wake = () => {
    due = true;
    woken();
  };
  const unsubscribe = sending.subscribe(wake);

  const claimAll = async () => {
    due = false;
    while (!stopping.signal.aborted && onTheirWay.size < SLOTS) {
      const claim = await claimDelivery(db);
      if (!claim) return;
      const work = deliver(sending, claim, cutting.signal).finally(() => {
        onTheirWay.delete(work);
        wake();
      });
      onTheirWay.add(work);
    }
  };
  const run = async () => {
    // Not all processes at once, and not while they start.
    let forgetAt = performance.now() + Math.random() * FORGET_EVERY_MS * 0.1;
    while (!stopping.signal.aborted) {
      await claimAll().catch((error: unknown) =>
        log.warn({ err: error }, "could not look for messages to webhooks"),
      );
      if (performance.now() > forgetAt) {
        forgetAt = performance.now() + FORGET_EVERY_MS;
        await forgetDeliveries(db).catch((error: unknown) =>
          log.warn({ err: error }, "could not delete old messages to webhooks"),
        );
      }
      if (due) continue;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, POLL_MS * (0.8 + Math.random() * 0.4));
        woken = () => {
          clearTimeout(timer);
          resolve();
        };
        if (due || stopping.signal.aborted) woken();
      });
    }
  };
  const running = run();
  return {
    async stop() {
      unsubscribe();
      stopping.abort();
      woken();
      await running;
      const late = setTimeout(() => cutting.abort(), STOP_MS);
      await Promise.all(onTheirWay);
      clearTimeout(late);
    },
  };
}

/** Sends one message and notes how it went. Never throws. */
async function deliver(
  { db, own, outbound, log, instruments }: Sending,
  claim: ClaimedDelivery,
  cutting: AbortSignal,
): Promise<void> {
  const about = { webhook_id: claim.webhook_id, delivery_id: claim.id, event: claim.event };
  try {
    const outcome = await sendMessage(outbound, own, claim, cutting);
    const noted = await noteInTime(db, claim, outcome);
    const code = outcome.error?.code;
    instruments.attempted(noted, outcome.duration_ms / 1000, code);
    if (noted === "dead")
      log.warn(
        { ...about, code, status: outcome.status_code },
        "a message to a webhook is given up",
      );
    if (noted === "lost") log.warn(about, "a message to a webhook took longer than its lease");
  } catch (error) {
    if (!cutting.aborted) {
      log.error({ err: error, ...about }, "could not send a message to a webhook");
      return;
    }
    await releaseDelivery(db, claim).catch((reason: unknown) =>
      log.warn({ err: reason, ...about }, "could not give back a message to a webhook"),
    );
  }
}

async function noteInTime(
  db: Database,
  claim: ClaimedDelivery,
  outcome: AttemptOutcome,
): Promise<Noted> {
  for (let tries = 1; ; tries++) {
    try {
      return await noteAttempt(db, claim, outcome);
    } catch (error) {
      if (!isPassing(error) || tries === NOTE_TRIES) throw error;
      await delay(1_000);
    }
  }
}
