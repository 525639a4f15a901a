/**
 * The executor process: one run at a time, with nothing but what its supervisor sends. It ends when the supervisor
 * does.
 */
import { ConnectorError } from "@quern/connectors/errors";
import { connectors } from "@quern/connectors/registry";
import type { FromExecutor, ToExecutor } from "./messages.ts";
import { preparedSession } from "./prepared.ts";
import { run } from "./run.ts";

const send = (message: FromExecutor): void => {
  // A message that cannot be sent has no receiver any more; `disconnect` follows.
  if (process.connected) process.send?.(message);
};

let go: (() => void) | null = null;
const prepared = preparedSession();

process.on("message", (message: ToExecutor) => {
  switch (message.type) {
    case "run":
      send({ type: "accepted", cancel: null });
      void runWithSession(message);
      break;
    case "prepare":
      void prepare(message);
      break;
    case "go":
      go?.();
      go = null;
      break;
    case "cancel_backend":
      send({ type: "accepted", cancel: message.id });
      void cancelBackend(message);
      break;
  }
});

async function runWithSession(message: Extract<ToExecutor, { type: "run" }>): Promise<void> {
  const { request, memory_limit_bytes } = message;
  await run(request, await prepared.take(request), memory_limit_bytes, {
    send,
    allowed: () =>
      new Promise((resolve) => {
        go = resolve;
      }),
  });
}

async function prepare({ id, target, keep_ms }: Extract<ToExecutor, { type: "prepare" }>) {
  send({ type: "prepared", id, open: await prepared.open(target, keep_ms) });
}

async function cancelBackend(message: Extract<ToExecutor, { type: "cancel_backend" }>) {
  const { id, target, handle, grace_ms } = message;
  try {
    const verdict = await connectors[target.type].cancel(target, handle, { grace_ms });
    send({ type: "cancel_verdict", id, verdict, message: null });
  } catch (error) {
    const text = error instanceof ConnectorError ? error.message : "the cancel request failed";
    send({ type: "cancel_verdict", id, verdict: "unconfirmed", message: text });
  }
}

process.on("disconnect", () => process.exit(0));
// Ctrl-C reaches the whole process group: the supervisor decides when an executor ends.
process.on("SIGINT", () => {});
process.on("SIGTERM", () => {});

send({ type: "ready" });
