import { TEST_EVENT } from "@quern/contract/webhook-events";
import type { Webhook, WebhookDelivery } from "@quern/contract/webhooks";
import { t } from "../i18n/language.ts";
import { formatAge } from "./instants.ts";
import type { Tone } from "./tone.ts";

const EVENTS: Record<string, { name: string; words: string }> = {
  "job.completed": {
    name: t("Job completed"),
    words: t("With where its rows are, and how long it took"),
  },
  "job.failed": { name: t("Job failed"), words: t("With its error code, and where it happened") },
  "job.canceled": { name: t("Job canceled"), words: t("By a person or through the API") },
  "webhook.test": { name: t("Test"), words: t("Sent by hand") },
};

/** An event that this app does not know of yet is named by its key. */
export function eventName(event: string): string {
  return EVENTS[event]?.name ?? event;
}

export function eventWords(event: string): string {
  return EVENTS[event]?.words ?? "";
}

/** How a webhook is doing, in a word or two. */
export function webhookState(webhook: Webhook): Tone {
  switch (webhook.disabled_reason) {
    case "person":
      return { words: t("Switched off"), icon: "i-lucide-pause", color: "neutral" };
    case "gone":
    case "failing":
      return { words: t("Given up"), icon: "i-lucide-circle-x", color: "error" };
    case null:
      break;
  }
  if (webhook.failing_since !== null) {
    return { words: t("Failing"), icon: "i-lucide-triangle-alert", color: "warning" };
  }
  return webhook.last_delivered_at === null
    ? { words: t("Not used yet"), icon: "i-lucide-circle-dashed", color: "neutral" }
    : { words: t("Working"), icon: "i-lucide-circle-check", color: "success" };
}

/** What an admin should know and do; null when all is well. */
export function webhookTrouble(webhook: Webhook, now: number): string | null {
  switch (webhook.disabled_reason) {
    case "gone":
      return t(
        "The receiver answered 410: it wants no more messages. Nothing is sent until you switch the webhook on again.",
      );
    case "failing":
      return t(
        "Every attempt failed for three days, so nothing is sent any more. Mend the receiver, send a test, then switch the webhook on again.",
      );
    case "person":
      return null;
    case null:
      break;
  }
  if (webhook.failing_since === null) return null;
  const age = formatAge(webhook.failing_since, now);
  return t(
    "The first failure was {age}, {n} attempt failed since. Messages are tried again for about a day. | The first failure was {age}, {n} attempts failed since. Messages are tried again for about a day.",
    { age, n: webhook.failures },
  );
}

function isSending({ status, last }: WebhookDelivery): boolean {
  return status === "pending" && last !== null && last.duration_ms === null;
}

/** How a message is doing. */
export function deliveryState(delivery: WebhookDelivery, now: number): Tone {
  switch (delivery.status) {
    case "delivered":
      return { words: t("Delivered"), icon: "i-lucide-circle-check", color: "success" };
    case "dead": {
      // A test has one attempt: nothing was given up.
      const words = delivery.event === TEST_EVENT ? t("Failed") : t("Given up");
      return { words, icon: "i-lucide-circle-x", color: "error" };
    }
    case "pending":
      break;
  }
  if (isSending(delivery))
    return { words: t("Sending"), icon: "i-lucide-loader-circle", color: "neutral" };
  if (delivery.attempts === 0 || delivery.due_at === null || Date.parse(delivery.due_at) <= now) {
    return { words: t("Waits for its turn"), icon: "i-lucide-clock", color: "neutral" };
  }
  const age = formatAge(delivery.due_at, now);
  return { words: t("Tried again {age}", { age }), icon: "i-lucide-rotate-cw", color: "warning" };
}
