import type { Connector, Sink } from "../connector.ts";
import type { ConnectorErrorFields } from "../errors.ts";

export type PipeCall = {
  type: "call";
  id: number;
  method: keyof Connector;
  arguments: unknown[];
};
export type PipeAck = { type: "ack"; id: number };
export type PipeReply =
  | { type: "result"; id: number; value: unknown }
  | { type: "error"; id: number; fields: ConnectorErrorFields }
  | { type: "sink"; id: number; ack: number; event: keyof Sink; value: unknown };
