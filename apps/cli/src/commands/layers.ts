import { nameState } from "@quern/contract/layer-names";
import {
  changeLayer,
  evictLayer,
  type Layer,
  listLayers,
  pinLayer,
  readLayer,
  readLayerCapacity,
  unpinLayer,
} from "@quern/contract/layers";
import { CliError, EXIT, UsageError } from "../faults.ts";
import { listTable } from "../formats/table.ts";
import { duration, parseNumber, relative, size } from "../formats/times.ts";
import { type Context, command } from "./command.ts";

const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export const layersList = command({
  name: ["layers", "list"],
  takes: "[WORDS]",
  count: { min: 0, max: 20 },
  summary: "States that are in the cache, the last used first",
  options: {
    evicted: { type: "boolean", words: "Those that are gone, and why" },
    pinned: { type: "boolean", words: "Pinned ones" },
    tag: { type: "string", value: "TAG", words: "With this tag" },
    limit: { type: "string", short: "n", value: "N", words: "So many; 50 when left out" },
    json: { type: "boolean", words: "As JSON" },
  },
  async run({ options, positionals, context: { client, terminal } }) {
    const search = positionals.join(" ");
    const { items } = await client.call(listLayers, {
      query: {
        limit: String(parseNumber("limit", options.limit ?? "50", { min: 1, max: 500 })),
        status: options.evicted ? "evicted" : "ready",
        ...(options.pinned ? { pinned: "true" as const } : {}),
        ...(options.tag === undefined ? {} : { tag: options.tag }),
        ...(search === "" ? {} : { search }),
      },
    });
    if (options.json) await terminal.out(`${JSON.stringify(items, null, 2)}\n`);
    else await terminal.out(listTable(HEADS, items.map(layerRow), terminal.colours.out));
    return EXIT.ok;
  },
});

const HEADS = [
  "state",
  "last file",
  "depth",
  "engine",
  "size",
  "built in",
  "hits",
  "last used",
  "",
];

function layerRow(layer: Layer): string[] {
  const marks = [
    ...layer.names,
    ...layer.tags.map((tag) => `#${tag}`),
    ...(layer.pinned === null ? [] : ["pinned"]),
    ...(layer.in_use ? ["in use"] : []),
    ...(layer.reproducible === false ? ["not reproducible"] : []),
    ...(layer.evicted === null
      ? []
      : [`evicted ${relative(layer.evicted.at)}: ${layer.evicted.why}`]),
  ];
  return [
    layer.state_key.slice(0, 12),
    layer.paths.at(-1) ?? "(empty database)",
    String(layer.depth),
    layer.engine,
    size(layer.bytes),
    duration(layer.build_ms),
    String(layer.hits),
    relative(layer.last_used_at),
    marks.join(", "),
  ];
}

/** A layer by its id, or by the beginning of its state's key. Throws `CliError`. */
async function findLayer({ client }: Context, wanted: string): Promise<Layer> {
  if (ID.test(wanted)) return client.call(readLayer, { params: { id: wanted } });
  if (!/^[0-9a-f]{8,64}$/.test(wanted))
    throw new UsageError("A layer is named by its id, or by 8 digits or more of its state");
  const { items } = await client.call(listLayers, {
    query: { key: wanted, status: "ready", limit: "10" },
  });
  if (items.length === 1) return items[0]!;
  if (items.length === 0) throw new CliError(`No state ${wanted} is in the cache`, EXIT.usage);
  const ids = items.map(({ id, store }) => `${id} (${store.hostname})`).join(", ");
  throw new CliError(`Several layers fit ${wanted}; say which by its id: ${ids}`, EXIT.usage);
}

export const layersPin = command({
  name: ["layers", "pin"],
  takes: "STATE…",
  count: { min: 1, max: 100 },
  summary: "Keep states from eviction",
  options: {},
  run: ({ positionals, context }) => each(context, positionals, pinLayer, "pinned"),
});

export const layersUnpin = command({
  name: ["layers", "unpin"],
  takes: "STATE…",
  count: { min: 1, max: 100 },
  summary: "Let states be evicted again",
  options: {},
  run: ({ positionals, context }) => each(context, positionals, unpinLayer, "no longer pinned"),
});

async function each(
  context: Context,
  wanted: readonly string[],
  route: typeof pinLayer | typeof unpinLayer,
  words: string,
) {
  for (const one of wanted) {
    const { id, state_key } = await findLayer(context, one);
    await context.client.call(route, { params: { id } });
    context.terminal.say(`${state_key.slice(0, 12)}: ${words}`);
  }
  return EXIT.ok;
}

export const layersName = command({
  name: ["layers", "name"],
  takes: "STATE [NAME]",
  count: { min: 1, max: 2 },
  summary: "Give a state a name, or tags",
  options: {
    tag: {
      type: "string",
      multiple: true,
      value: "TAG",
      words: "Its tags, in place of those it has",
    },
  },
  async run({ options, positionals, context }) {
    const [wanted, name] = positionals as [string, string?];
    if (name === undefined && options.tag.length === 0)
      throw new UsageError("Say the name, or --tag TAG");
    const { id, state_key } = await findLayer(context, wanted);
    if (name !== undefined)
      await context.client.call(nameState, { params: { name }, body: { layer_id: id } });
    if (options.tag.length > 0)
      await context.client.call(changeLayer, { params: { id }, body: { tags: options.tag } });
    context.terminal.say(
      `${state_key.slice(0, 12)}: ${[name, ...options.tag].filter(Boolean).join(", ")}`,
    );
    return EXIT.ok;
  },
});

export const layersEvict = command({
  name: ["layers", "evict"],
  takes: "STATE",
  count: { min: 1, max: 1 },
  summary: "Take a state out of the cache; what needs it is built again",
  options: {
    subtree: { type: "boolean", words: "Those that were built from it, too" },
    "dry-run": { type: "boolean", words: "Only say what would go and what stays" },
    json: { type: "boolean", words: "As JSON" },
  },
  async run({ options, positionals, context }) {
    const { client, terminal } = context;
    const { id } = await findLayer(context, positionals[0]!);
    const eviction = await client.call(evictLayer, {
      params: { id },
      body: { subtree: options.subtree, dry_run: options["dry-run"] },
    });
    if (options.json) await terminal.out(`${JSON.stringify(eviction, null, 2)}\n`);
    else {
      const rows = eviction.items.map(({ state_key, depth, bytes, blocked }) => [
        state_key.slice(0, 12),
        String(depth),
        size(bytes),
        blocked === null ? (eviction.dry_run ? "would go" : "gone") : BLOCKED[blocked],
      ]);
      await terminal.out(listTable(["state", "depth", "size", ""], rows, terminal.colours.out));
      const verb = eviction.dry_run ? "would be" : "are";
      await terminal.out(
        `${eviction.evicted} ${verb} evicted, ${size(eviction.freed_bytes)} freed\n`,
      );
    }
    const stays = eviction.items.some(({ blocked }) => blocked !== null);
    return stays && !eviction.dry_run ? EXIT.failed : EXIT.ok;
  },
});

const BLOCKED = {
  in_use: "stays: in use",
  pinned: "stays: pinned",
  has_descendants: "stays: others share its blocks",
};

export const layersCapacity = command({
  name: ["layers", "capacity"],
  takes: "",
  count: { min: 0, max: 0 },
  summary: "What the caches hold, may hold, and how often they were of use",
  options: { json: { type: "boolean", words: "As JSON" } },
  async run({ options, context: { client, terminal } }) {
    const { caches } = await client.call(readLayerCapacity, {});
    if (options.json) await terminal.out(`${JSON.stringify(caches, null, 2)}\n`);
    else {
      const rows = caches.map((cache) => [
        cache.hostname,
        String(cache.layers),
        `${size(cache.used_bytes)} of ${size(cache.effective_max_bytes)}`,
        size(cache.free_bytes),
        cache.last_day.hit_rate === null ? "" : `${Math.round(cache.last_day.hit_rate * 100)} %`,
        String(cache.last_day.builds),
        String(cache.last_day.evictions),
        cache.clone ?? "",
      ]);
      const heads = [
        "machine",
        "layers",
        "used",
        "disk free",
        "hits today",
        "builds",
        "evictions",
        "clones by",
      ];
      await terminal.out(listTable(heads, rows, terminal.colours.out));
    }
    return EXIT.ok;
  },
});
