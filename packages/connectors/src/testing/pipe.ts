/** For tests only: a connector in another process, which proves that the contract's messages survive a pipe. */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Connector, OnSession, Sink } from "../connector.ts";
import { ConnectorError } from "../errors.ts";
import type { PipeAck, PipeCall, PipeReply } from "./pipe-messages.ts";

const CHILD = fileURLToPath(new URL("../../dist/testing/pipe-child.js", import.meta.url));

export function pipedConnector(): { connector: Connector; close(): void } {
  const child = fork(CHILD, { serialization: "advanced", env: {}, execArgv: [] });
  const calls = new Map<
    number,
    { resolve: (value: never) => void; reject: (error: Error) => void; sink: Partial<Sink> }
  >();
  let nextId = 0;

  child.on("message", async (message: PipeReply) => {
    const call = calls.get(message.id);
    if (call === undefined) return;
    if (message.type === "sink") {
      const receive = call.sink[message.event] as ((value: unknown) => unknown) | undefined;
      await receive?.(message.value);
      child.send({ type: "ack", id: message.ack } satisfies PipeAck);
      return;
    }
    calls.delete(message.id);
    if (message.type === "result") call.resolve(message.value as never);
    else call.reject(new ConnectorError(message.fields));
  });

  function call<T>(
    method: PipeCall["method"],
    args: unknown[],
    sink: Partial<Sink> = {},
  ): Promise<T> {
    nextId += 1;
    const id = nextId;
    return new Promise<T>((resolve, reject) => {
      calls.set(id, { resolve, reject, sink });
      child.send({ type: "call", id, method, arguments: args } satisfies PipeCall);
    });
  }

  return {
    connector: {
      testConnection: (target, onSession) => call("testConnection", [target], hook(onSession)),
      introspect: (target, onSession) => call("introspect", [target], hook(onSession)),
      execute: (target, request, sink) => call("execute", [target, request], sink),
      explain: (target, request, onSession) => call("explain", [target, request], hook(onSession)),
      prepare: (...given) => call("prepare", given),
      release: (...given) => call("release", given),
      cancel: (...given) => call("cancel", given),
    },
    close: () => child.disconnect(),
  };
}

function hook(started: OnSession | undefined): Partial<Sink> {
  return started === undefined ? {} : { started };
}
