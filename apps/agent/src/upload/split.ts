import { createHash } from "node:crypto";
import type { AgentPayload } from "@quern/contract/agent/payload";
import { jsonPieces } from "../json-pieces.ts";
import type { SpoolItem } from "../spool/spool.ts";

/** Fields that belong together, and the results of collectors that tell about them. */
const SECTIONS: { fields: (keyof AgentPayload)[]; collectors: string[] }[] = [
  { fields: ["schema"], collectors: ["schema"] },
  { fields: ["column_statistics"], collectors: ["column_statistics"] },
  { fields: ["query_stats", "statements"], collectors: ["statements"] },
  { fields: ["table_stats"], collectors: ["tables"] },
  { fields: ["index_stats"], collectors: ["indexes"] },
  { fields: ["activity"], collectors: ["activity"] },
  { fields: ["bloat"], collectors: ["bloat"] },
  { fields: ["sequences"], collectors: ["sequences"] },
  { fields: ["plans"], collectors: ["plans"] },
  { fields: ["custom_metrics"], collectors: ["custom_metrics"] },
  { fields: ["settings", "settings_detail"], collectors: ["settings"] },
  { fields: ["server"], collectors: ["server"] },
];

/**
 * Two payloads in the place of one that is too large: the largest section, and the others. Everything that tells which
 * database, which counters' epoch and which moment it was stays in both; each is right by itself. Empty when there is
 * nothing to part. Uuids come from the old one, so that splitting again after a crash gives the same.
 */
export function splitPayload(body: string): SpoolItem[] {
  const payload = JSON.parse(body) as AgentPayload;
  const present = SECTIONS.filter(({ fields }) => fields.some((field) => payload[field] != null));
  const sizes = present.map((section) => ({ section, bytes: sizeOf(payload, section.fields) }));
  sizes.sort((one, other) => other.bytes - one.bytes);
  const [largest, ...others] = sizes.map(({ section }) => section);
  if (largest === undefined || others.length === 0) return [];
  const { agent: _, ...only } = others.reduce<AgentPayload>(without, payload);
  return [
    item(only, payload, largest.fields.join("+")),
    item(without(payload, largest), payload, "rest"),
  ];
}

function sizeOf(payload: AgentPayload, fields: (keyof AgentPayload)[]): number {
  return fields.reduce((sum, field) => sum + JSON.stringify(payload[field] ?? null).length, 0);
}

function without(payload: AgentPayload, section: (typeof SECTIONS)[number]): AgentPayload {
  const kept = Object.entries(payload).filter(
    ([field]) => !section.fields.includes(field as keyof AgentPayload),
  );
  return {
    ...(Object.fromEntries(kept) as AgentPayload),
    ...(payload.collectors && {
      collectors: payload.collectors.filter(({ name }) => !section.collectors.includes(name)),
    }),
  };
}

function item(part: AgentPayload, whole: AgentPayload, name: string): SpoolItem {
  const uuid = derivedUuid(whole.snapshot_uuid ?? "", name);
  const { instance_id } = part;
  const schema = part.schema != null;
  const own: AgentPayload = { ...part, snapshot_uuid: uuid };
  // A hash without its schema would have the server ask for the schema, which is on its way.
  if (whole.schema != null && !schema) delete own.schema_hash;
  return { uuid, instance_id, schema, body: jsonPieces(own) };
}

/** A version 8 uuid (RFC 9562) of a hash. */
function derivedUuid(from: string, name: string): string {
  const bytes = createHash("sha256").update(`${from}\n${name}`).digest().subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = bytes.toString("hex");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
