import { z } from "zod";
import { PersonRef } from "./members.ts";
import { route } from "./route.ts";
import { cursor, id, instant, name, page, text, wholeNumber } from "./text.ts";
import { TEST_EVENT, WebhookEvent } from "./webhook-events.ts";

export const webhookUrl = text(2_000)
  .pipe(z.url({ protocol: /^https?$/, error: "must be an address that begins with https://" }))
  .refine((value) => !hasCredentials(value), {
    message: "must not contain a user or a password; receivers check the signature",
  })
  .refine((value) => !value.includes("#"), { message: "must not contain a fragment (#)" });

function hasCredentials(value: string): boolean {
  if (!URL.canParse(value)) return false;
  const { username, password } = new URL(value);
  return username !== "" || password !== "";
}

const events = z
  .array(WebhookEvent)
  .min(1, "choose at least one event")
  .max(WebhookEvent.options.length)
  .refine((value) => new Set(value).size === value.length, { message: "must not repeat an event" });

export const Webhook = z
  .strictObject({
    id,
    name: z.string(),
    url: z.string(),
    events: z.array(z.string()),
    disabled_at: instant.nullable(),
    disabled_reason: z
      .enum(["person", "gone", "failing"])
      .nullable()
      .describe("gone: the receiver answered 410. failing: it failed for three days"),
    failures: z.number().int().describe("Attempts that failed since one succeeded"),
    failing_since: instant.nullable(),
    held_until: instant.nullable().describe("After several failures nothing is sent for a while"),
    last_delivered_at: instant.nullable(),
    pending: z.number().int(),
    dead: z.number().int(),
    previous_secret_until: instant
      .nullable()
      .describe("The secret before this one signs, too, until then"),
    created_by: PersonRef.nullable(),
    created_at: instant,
    updated_at: instant,
  })
  .meta({ id: "Webhook" });
export type Webhook = z.infer<typeof Webhook>;

/** Why an attempt failed. */
export const WebhookErrorCode = z.enum([
  "status",
  "redirect_refused",
  "invalid_url",
  "forbidden_address",
  "name_not_found",
  "connection_failed",
  "tls_failed",
  "timed_out",
  "invalid_reply",
  "reply_too_large",
  "interrupted",
  "secret_unreadable",
  "disabled",
]);
export type WebhookErrorCode = z.infer<typeof WebhookErrorCode>;

export const WebhookAttempt = z
  .strictObject({
    attempt: z.number().int(),
    at: instant,
    duration_ms: z
      .number()
      .int()
      .nullable()
      .describe(
        "null while it is being sent, and when its sender ended before it noted how it went",
      ),
    status_code: z.number().int().nullable(),
    error_code: WebhookErrorCode.nullable(),
    error: z.string().nullable(),
  })
  .meta({ id: "WebhookAttempt" });
export type WebhookAttempt = z.infer<typeof WebhookAttempt>;

export const DeliveryStatus = z
  .enum(["pending", "delivered", "dead"])
  .describe("dead: it is not tried again by itself")
  .meta({ id: "DeliveryStatus" });
export type DeliveryStatus = z.infer<typeof DeliveryStatus>;

const deliveryShape = {
  id,
  event_id: id.describe("The header webhook-id"),
  event: z.string(),
  status: DeliveryStatus,
  attempts: z.number().int(),
  attempts_left: z.number().int(),
  due_at: instant.nullable().describe("When it is tried next; null once it ended"),
  created_at: instant,
  ended_at: instant.nullable(),
};

export const WebhookDelivery = z
  .strictObject({ ...deliveryShape, last: WebhookAttempt.nullable() })
  .meta({ id: "WebhookDelivery" });
export type WebhookDelivery = z.infer<typeof WebhookDelivery>;

export const WebhookDeliveryDetails = z
  .strictObject({
    ...deliveryShape,
    payload: z.string().describe("The body as it is signed and sent"),
    log: z.array(WebhookAttempt).describe("Every attempt, the newest first"),
  })
  .meta({ id: "WebhookDeliveryDetails" });
export type WebhookDeliveryDetails = z.infer<typeof WebhookDeliveryDetails>;

const secret = z.string().describe("whsec_ and base64; this reply is the only place that shows it");

const byId = z.strictObject({ id });
const byDelivery = z.strictObject({ id, delivery_id: id });
const tag = "webhooks";

export const listWebhooks = route({
  operation: "listWebhooks",
  summary: "Webhooks and how they are doing",
  tag,
  method: "GET",
  path: "/api/v1/webhooks",
  replies: { 200: page(Webhook) },
});

export const readWebhook = route({
  operation: "readWebhook",
  summary: "A webhook",
  tag,
  method: "GET",
  path: "/api/v1/webhooks/:id",
  params: byId,
  replies: { 200: Webhook },
});

export const createWebhook = route({
  operation: "createWebhook",
  summary: "Make a webhook; the reply is the only place that shows its secret",
  tag,
  method: "POST",
  path: "/api/v1/webhooks",
  body: z.strictObject({ name, url: webhookUrl, events }),
  replies: { 201: z.strictObject({ webhook: Webhook, secret }) },
});

export const changeWebhook = route({
  operation: "changeWebhook",
  summary: "Change a webhook, switch it off or on again",
  tag,
  method: "PATCH",
  path: "/api/v1/webhooks/:id",
  params: byId,
  body: z.strictObject({
    name: name.optional(),
    url: webhookUrl.optional(),
    events: events.optional(),
    enabled: z.boolean().optional(),
  }),
  replies: { 200: Webhook },
});

export const deleteWebhook = route({
  operation: "deleteWebhook",
  summary: "Delete a webhook with its deliveries",
  tag,
  method: "DELETE",
  path: "/api/v1/webhooks/:id",
  params: byId,
  replies: { 204: z.null() },
});

export const rotateWebhookSecret = route({
  operation: "rotateWebhookSecret",
  summary: "Give a webhook a new secret; the old one signs, too, for a while",
  tag,
  method: "POST",
  path: "/api/v1/webhooks/:id/rotate-secret",
  params: byId,
  body: z.strictObject({
    overlap_hours: z
      .number()
      .int()
      .min(0)
      .max(168)
      .optional()
      .describe("How long both secrets sign; 24 when left out, 0 when the old one leaked"),
  }),
  replies: { 200: z.strictObject({ webhook: Webhook, secret }) },
});

export const testWebhook = route({
  operation: "testWebhook",
  summary: `Send the event ${TEST_EVENT}, once, also when the webhook is switched off`,
  tag,
  method: "POST",
  path: "/api/v1/webhooks/:id/test",
  params: byId,
  replies: { 202: z.strictObject({ delivery_id: id }) },
});

export const listWebhookDeliveries = route({
  operation: "listWebhookDeliveries",
  summary: "Messages of the last 30 days, the newest first",
  tag,
  method: "GET",
  path: "/api/v1/webhooks/:id/deliveries",
  params: byId,
  query: z.strictObject({
    status: DeliveryStatus.optional(),
    cursor,
    limit: wholeNumber({ min: 1, max: 100 }).optional(),
  }),
  replies: { 200: page(WebhookDelivery) },
});

export const readWebhookDelivery = route({
  operation: "readWebhookDelivery",
  summary: "A message, its body and every attempt to send it",
  tag,
  method: "GET",
  path: "/api/v1/webhooks/:id/deliveries/:delivery_id",
  params: byDelivery,
  replies: { 200: WebhookDeliveryDetails },
});

export const redeliverWebhookDelivery = route({
  operation: "redeliverWebhookDelivery",
  summary: "Send a message again, under the same id",
  tag,
  method: "POST",
  path: "/api/v1/webhooks/:id/deliveries/:delivery_id/redeliver",
  params: byDelivery,
  replies: { 202: z.strictObject({ delivery_id: id }) },
});

export const redeliverDeadWebhookDeliveries = route({
  operation: "redeliverDeadWebhookDeliveries",
  summary: "Send every dead message again, the oldest first",
  tag,
  method: "POST",
  path: "/api/v1/webhooks/:id/redeliver-dead",
  params: byId,
  replies: { 202: z.strictObject({ count: z.number().int() }) },
});
