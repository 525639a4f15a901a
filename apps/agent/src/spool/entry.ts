import { createHash } from "node:crypto";

/** One payload that waits to be sent. Their order is that of `name`. */
export type Entry = {
  /** Of its file: number, part, payload, stream, whether it holds a schema. */
  name: string;
  uuid: string;
  /** Payloads of one database: thinning out takes every second of each. */
  stream: string;
  schema: boolean;
  /** Compressed. */
  bytes: number;
  created_at: number;
  /** There when the disk did not take it. */
  held: Buffer | null;
};

const NAME =
  /^(\d{12})-(\d{3})-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})-([0-9a-f]{8})(-s)?\.json\.gz$/;

export type Named = { number: number; part: number; uuid: string; stream: string; schema: boolean };

export function writeName({ number, part, uuid, stream, schema }: Named): string {
  const digits = (value: number, length: number) => String(value).padStart(length, "0");
  return `${digits(number, 12)}-${digits(part, 3)}-${uuid}-${stream}${schema ? "-s" : ""}.json.gz`;
}

/** Null for files that are none of ours, among them those that a crash left half written. */
export function readName(name: string): Named | null {
  const match = NAME.exec(name);
  if (match === null) return null;
  const [, number, part, uuid = "", stream = "", schema] = match;
  return { number: Number(number), part: Number(part), uuid, stream, schema: schema === "-s" };
}

export function streamOf(instanceId: string): string {
  return createHash("sha256").update(instanceId).digest("hex").slice(0, 8);
}
