/** The far end of `pipe.ts`: the real connectors, spoken to in messages. */
import type { Sink } from "../connector.ts";
import { ConnectorError } from "../errors.ts";
import { connectors } from "../registry.ts";
import type { PipeAck, PipeCall, PipeReply } from "./pipe-messages.ts";

const acks = new Map<number, () => void>();
let nextAck = 0;

const reply = (message: PipeReply): void => {
  process.send?.(message);
};

function remoteSink(id: number): Sink {
  const forward = (event: keyof Sink) => (value: unknown) =>
    new Promise<void>((resolve) => {
      nextAck += 1;
      acks.set(nextAck, resolve);
      reply({ type: "sink", id, ack: nextAck, event, value });
    });
  return {
    started: forward("started"),
    statement: forward("statement"),
    batch: forward("batch"),
    end: forward("end"),
    notice: (text) => void forward("notice")(text),
  };
}

/** The functions that the far end gave, as messages to it. */
function hooksOf(method: PipeCall["method"], id: number): unknown[] {
  if (method === "execute") return [remoteSink(id)];
  return /^(explain|introspect|testConnection)$/.test(method) ? [remoteSink(id).started] : [];
}

process.on("message", async (message: PipeCall | PipeAck) => {
  if (message.type === "ack") {
    acks.get(message.id)?.();
    acks.delete(message.id);
    return;
  }
  const { id, method } = message;
  const given = [...message.arguments, ...hooksOf(method, id)];
  try {
    // The arguments are what the near end typed; the pipe does not know them.
    const call = connectors.postgres[method] as (...args: unknown[]) => Promise<unknown>;
    reply({ type: "result", id, value: await call(...given) });
  } catch (error) {
    if (!(error instanceof ConnectorError)) throw error;
    const { code, message: text, sqlstate, position, detail, hint } = error;
    reply({ type: "error", id, fields: { code, message: text, sqlstate, position, detail, hint } });
  }
});
process.on("disconnect", () => process.exit(0));
