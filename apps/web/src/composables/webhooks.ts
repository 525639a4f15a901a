import { useToast } from "@nuxt/ui/composables";
import type { WebhookEvent } from "@quern/contract/webhook-events";
import {
  changeWebhook,
  createWebhook,
  type DeliveryStatus,
  deleteWebhook,
  listWebhookDeliveries,
  listWebhooks,
  readWebhook,
  readWebhookDelivery,
  redeliverDeadWebhookDeliveries,
  redeliverWebhookDelivery,
  rotateWebhookSecret,
  testWebhook,
  type Webhook,
} from "@quern/contract/webhooks";
import { keepPreviousData, useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/vue-query";
import { computed, type MaybeRefOrGetter, ref, toValue } from "vue";
import { api } from "../api.ts";
import { t } from "../i18n/language.ts";
import { useAction } from "./action.ts";
import { useCan } from "./session.ts";
import { useTroubleToast } from "./trouble-toast.ts";

const LOOK_EVERY_MS = 10_000;
const LOOK_AT_SENDING_EVERY_MS = 1_000;
/** What is due within this is looked at as if it were on its way. */
const SOON_MS = 6_000;

type WebhookFields = { name: string; url: string; events: WebhookEvent[] };

export function useWebhooks() {
  const can = useCan();
  return useQuery({
    queryKey: ["webhooks"],
    queryFn: ({ signal }) => api.call(listWebhooks, { signal }),
    enabled: () => can("webhooks.read"),
    refetchInterval: LOOK_EVERY_MS,
  });
}

export function useWebhook(id: MaybeRefOrGetter<string>) {
  const can = useCan();
  return useQuery({
    queryKey: computed(() => ["webhook", toValue(id)] as const),
    queryFn: ({ signal }) => api.call(readWebhook, { params: { id: toValue(id) }, signal }),
    enabled: () => can("webhooks.read"),
    refetchInterval: (query) =>
      (query.state.data?.pending ?? 0) > 0 ? LOOK_EVERY_MS / 5 : LOOK_EVERY_MS,
  });
}

/** Messages of a webhook, the newest first, a page at a time; looked at often while one is on its way. */
export function useDeliveries(
  id: MaybeRefOrGetter<string>,
  status: MaybeRefOrGetter<DeliveryStatus | null>,
) {
  const can = useCan();
  const list = useInfiniteQuery({
    queryKey: computed(() => ["webhook-deliveries", toValue(id), toValue(status)] as const),
    queryFn: ({ pageParam, signal }) => {
      const chosen = toValue(status);
      return api.call(listWebhookDeliveries, {
        params: { id: toValue(id) },
        query: {
          ...(chosen === null ? {} : { status: chosen }),
          ...(pageParam === "" ? {} : { cursor: pageParam }),
        },
        signal,
      });
    },
    initialPageParam: "",
    getNextPageParam: (last) => last.next_cursor,
    placeholderData: keepPreviousData,
    enabled: () => can("webhooks.read"),
    refetchInterval: (query) =>
      query.state.data?.pages.some(({ items }) =>
        items.some(({ due_at }) => due_at !== null && Date.parse(due_at) < Date.now() + SOON_MS),
      )
        ? LOOK_AT_SENDING_EVERY_MS
        : LOOK_EVERY_MS,
  });
  return {
    ...list,
    items: computed(() => list.data.value?.pages.flatMap((page) => page.items) ?? []),
  };
}

/** A message with its body and every attempt; read anew when `changed` does. */
export function useDelivery(webhookId: string, id: string, changed: MaybeRefOrGetter<unknown>) {
  return useQuery({
    queryKey: computed(() => ["webhook-delivery", webhookId, id, toValue(changed)] as const),
    queryFn: ({ signal }) =>
      api.call(readWebhookDelivery, { params: { id: webhookId, delivery_id: id }, signal }),
    placeholderData: keepPreviousData,
  });
}

function useReread() {
  const queries = useQueryClient();
  return () =>
    Promise.all([
      queries.invalidateQueries({ queryKey: ["webhooks"] }),
      queries.invalidateQueries({ queryKey: ["webhook"] }),
      queries.invalidateQueries({ queryKey: ["webhook-deliveries"] }),
    ]);
}

/** Makes a webhook, which gives a secret, or changes the one with `id`. */
export function useWebhookSave() {
  const reread = useReread();
  return useAction(async (id: string | null, body: WebhookFields) => {
    const saved: { webhook: Webhook; secret: string | null } =
      id === null
        ? await api.call(createWebhook, { body })
        : { webhook: await api.call(changeWebhook, { params: { id }, body }), secret: null };
    await reread();
    return saved;
  });
}

/** Gives a webhook a new secret. */
export function useSecretRotation() {
  const reread = useReread();
  return useAction(async (id: string, overlap_hours: number) => {
    const made = await api.call(rotateWebhookSecret, { params: { id }, body: { overlap_hours } });
    await reread();
    return made.secret;
  });
}

/** Deeds of one click; what fails is said in a toast. `busy` names the one that goes on. */
export function useWebhookDeeds(id: MaybeRefOrGetter<string>) {
  const guard = useTroubleToast();
  const toast = useToast();
  const reread = useReread();
  const busy = ref<string | null>(null);
  async function during(what: string, deed: () => Promise<unknown>): Promise<boolean> {
    busy.value = what;
    const done = await guard(async () => {
      await deed();
      await reread();
    });
    busy.value = null;
    return done;
  }
  const params = () => ({ id: toValue(id) });
  return {
    busy,
    test: () => during("test", () => api.call(testWebhook, { params: params() })),
    enable: (enabled: boolean) =>
      during("enable", () => api.call(changeWebhook, { params: params(), body: { enabled } })),
    remove: () => during("remove", () => api.call(deleteWebhook, { params: params() })),
    redeliver: (delivery_id: string) =>
      during(delivery_id, () =>
        api.call(redeliverWebhookDelivery, { params: { ...params(), delivery_id } }),
      ),
    redeliverDead: () =>
      during("dead", async () => {
        const { count } = await api.call(redeliverDeadWebhookDeliveries, { params: params() });
        toast.add({
          title: t("{n} message is sent again | {n} messages are sent again", { n: count }),
          icon: "i-lucide-send",
          color: "neutral",
        });
      }),
  };
}
