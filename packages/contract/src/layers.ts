import { z } from "zod";
import { PersonRef } from "./members.ts";
import { route } from "./route.ts";
import { cursor, id, instant, page, text, wholeNumber } from "./text.ts";

/** Something in a step whose outcome may differ when it is run again. */
export const Volatile = z
  .strictObject({
    path: z.string(),
    line: z.int().min(1).nullable(),
    what: z.string().describe("Such as now, random, gen_random_uuid"),
  })
  .meta({ id: "Volatile" });
export type Volatile = z.infer<typeof Volatile>;

const bytes = z.int().min(0);
const count = z.int().min(0);

/** Names a state: of the environment and of every step up to it. */
export const stateKey = z
  .string()
  .regex(/^[0-9a-f]{64}$/, "must be 64 hexadecimal digits")
  .describe("What the state was made of: 64 hexadecimal digits");

export const EvictedWhy = z
  .enum(["capacity", "expired", "asked", "lost", "unclean"])
  .describe(
    "capacity: for room; expired: its time was up; asked: by a person; lost: its directory was gone; unclean: the machine went down before it was on the disk",
  );
export type EvictedWhy = z.infer<typeof EvictedWhy>;

export const layerTag = text(50)
  .min(1)
  .regex(
    /^[\p{L}\p{N}][\p{L}\p{N} ._:/-]*$/u,
    "must begin with a letter or digit; no quotes, commas or brackets",
  );

export const LayerStatus = z
  .enum(["ready", "evicting", "evicted"])
  .describe("evicting: nobody finds it any more, and its directory is being deleted");
export type LayerStatus = z.infer<typeof LayerStatus>;

/** A state of a database server, kept on the disk of a machine; or what is remembered of one. */
export const Layer = z
  .strictObject({
    id,
    store: z.strictObject({ id, hostname: z.string() }),
    state_key: stateKey,
    parent_key: stateKey
      .nullable()
      .describe("The layer it was built from, which may be gone; null for an empty server"),
    env_key: stateKey.describe("Of the environment: engine, settings, extensions"),
    depth: count.describe("Steps since the empty server"),
    status: LayerStatus,
    engine: z.string().describe("Such as 18.4"),
    bytes: bytes.describe("On the disk"),
    own_bytes: bytes.describe("Less what it shares with its parent, where clones share blocks"),
    build_ms: count.describe("From the clone of its parent to the clean stop"),
    builds: count.describe("How often it was built here"),
    imported: z.boolean().describe("It was built on another machine"),
    shared: z.boolean().describe("It is in object storage, too"),
    steps: count.describe("Files that were run since its parent"),
    paths: z.array(z.string()).describe("Files of the whole chain, as they were called then"),
    volatile: z.array(Volatile),
    reproducible: z
      .boolean()
      .nullable()
      .describe("Whether a second build gave the same; null: nobody looked"),
    names: z.array(z.string()),
    tags: z.array(z.string()),
    pinned: z
      .strictObject({ at: instant, by: PersonRef.nullable() })
      .nullable()
      .describe("A pinned layer is never evicted"),
    in_use: z.boolean(),
    children: count.describe("Ready layers that were built from it"),
    hits: count,
    built_at: instant,
    last_used_at: instant,
    expires_at: instant.nullable().describe("null: kept until there is no room"),
    evicted: z.strictObject({ at: instant, why: EvictedWhy }).nullable(),
  })
  .meta({ id: "Layer" });
export type Layer = z.infer<typeof Layer>;

/** Why a state is a hit or a miss. */
export const StateExplained = z
  .strictObject({
    state_key: stateKey,
    state: z
      .enum(["ready", "building", "exported", "evicted", "never_built"])
      .describe("exported: in object storage only; building: somebody is at it"),
    layer_id: id.nullable(),
    store_id: id.nullable(),
    bytes: bytes.nullable(),
    build_ms: count.nullable(),
    hits: count.nullable(),
    evicted: z.strictObject({ at: instant, why: EvictedWhy }).nullable(),
  })
  .meta({ id: "StateExplained" });
export type StateExplained = z.infer<typeof StateExplained>;

export const EvictionItem = z
  .strictObject({
    layer_id: id,
    state_key: stateKey,
    depth: count,
    bytes,
    blocked: z
      .enum(["in_use", "pinned", "has_descendants"])
      .nullable()
      .describe(
        "Why it stays; has_descendants: others share its blocks, so that nothing would be free without them",
      ),
  })
  .meta({ id: "EvictionItem" });
export type EvictionItem = z.infer<typeof EvictionItem>;

export const Eviction = z
  .strictObject({
    dry_run: z.boolean(),
    items: z.array(EvictionItem),
    evicted: count,
    freed_bytes: bytes.describe("Free within a minute, when the machine has deleted the files"),
  })
  .meta({ id: "Eviction" });
export type Eviction = z.infer<typeof Eviction>;

const ratio = z.number().min(0).max(1);

/** The cache of one machine. */
export const LayerCache = z
  .strictObject({
    id,
    hostname: z.string(),
    folder: z.string(),
    alive: z
      .boolean()
      .describe("A process that uses it gave a sign of life within the last minute"),
    seen_at: instant,
    clone: z.string().nullable().describe("How instances are cloned: reflink, overlay or copy"),
    layers: count,
    used_bytes: bytes,
    pinned_bytes: bytes,
    in_use_bytes: bytes,
    effective_max_bytes: bytes.describe(
      "What it may hold: its limit, or less when the disk is small",
    ),
    reserve_bytes: bytes.describe("Left free on the disk"),
    high_watermark: ratio,
    low_watermark: ratio,
    total_bytes: bytes.describe("Of the disk"),
    free_bytes: bytes.describe("Of the disk"),
    shared: z.string().nullable().describe("The object storage it exports to"),
    last_day: z.strictObject({
      full_hits: count,
      prefix_hits: count,
      misses: count,
      hit_rate: ratio.nullable().describe("Full and prefix hits of all lookups; null without any"),
      builds: count,
      build_ms: count,
      evictions: count,
      evicted_bytes: bytes,
    }),
    hours: z
      .array(
        z.strictObject({
          hour: instant,
          full_hits: count,
          prefix_hits: count,
          misses: count,
          builds: count,
          evictions: count,
        }),
      )
      .describe("Of the last day, those in which something happened, the oldest first"),
  })
  .meta({ id: "LayerCache" });
export type LayerCache = z.infer<typeof LayerCache>;

const byId = z.strictObject({ id });
const tag = "layers";

export const listLayers = route({
  operation: "listLayers",
  summary: "Layers that the caller's jobs or granted projects use, the last used first",
  tag,
  method: "GET",
  path: "/api/v1/layers",
  query: z.strictObject({
    status: z.enum(["ready", "evicted"]).optional(),
    pinned: z.enum(["true", "false"]).optional(),
    tag: z.string().max(50).optional(),
    search: text(200).optional().describe("In names, paths and tags"),
    key: z
      .string()
      .regex(/^[0-9a-f]{8,64}$/, "must be 8 to 64 hexadecimal digits")
      .optional()
      .describe("The beginning of a state's key"),
    parent_key: stateKey.optional(),
    store_id: id.optional(),
    limit: wholeNumber({ min: 1, max: 500 }).default(100),
    cursor,
  }),
  replies: { 200: page(Layer) },
});

export const readLayer = route({
  operation: "readLayer",
  summary: "A layer",
  tag,
  method: "GET",
  path: "/api/v1/layers/:id",
  params: byId,
  replies: { 200: Layer },
});

export const changeLayer = route({
  operation: "changeLayer",
  summary: "Change the tags of a layer",
  tag,
  method: "PATCH",
  path: "/api/v1/layers/:id",
  params: byId,
  body: z.strictObject({ tags: z.array(layerTag).max(20) }),
  replies: { 200: Layer },
});

export const pinLayer = route({
  operation: "pinLayer",
  summary: "Keep a layer from eviction; 409 when it is gone already",
  tag,
  method: "PUT",
  path: "/api/v1/layers/:id/pin",
  params: byId,
  replies: { 200: Layer },
});

export const unpinLayer = route({
  operation: "unpinLayer",
  summary: "Let a layer be evicted again",
  tag,
  method: "DELETE",
  path: "/api/v1/layers/:id/pin",
  params: byId,
  replies: { 200: Layer },
});

export const evictLayer = route({
  operation: "evictLayer",
  summary:
    "Evict a layer, with `subtree` those built from it too; with `dry_run` only say what would go and what stays",
  tag,
  method: "POST",
  path: "/api/v1/layers/:id/evict",
  params: byId,
  body: z.strictObject({
    subtree: z.boolean().default(false),
    dry_run: z.boolean().default(false),
  }),
  replies: { 200: Eviction },
});

/** States that one request may ask about. */
export const MAX_EXPLAINED = 2000;

export const explainStates = route({
  operation: "explainStates",
  summary: "Why states are hits or misses: ready, being built, evicted (when and why), never built",
  tag,
  method: "POST",
  path: "/api/v1/layers/explain",
  body: z.strictObject({ state_keys: z.array(stateKey).min(1).max(MAX_EXPLAINED) }),
  replies: { 200: z.strictObject({ items: z.array(StateExplained) }) },
});

export const readLayerCapacity = route({
  operation: "readLayerCapacity",
  summary: "The caches: what they hold, may hold, and how often they were of use",
  tag,
  method: "GET",
  path: "/api/v1/layers/capacity",
  replies: { 200: z.strictObject({ caches: z.array(LayerCache) }) },
});
