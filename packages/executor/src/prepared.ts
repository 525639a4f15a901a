/** The session that an executor process has opened ahead of its next run, as that process keeps it. */
import { isDeepStrictEqual } from "node:util";
import type { BackendHandle, Target } from "@quern/connectors/connector";
import { ConnectorError } from "@quern/connectors/errors";
import { connectors } from "@quern/connectors/registry";
import type { ExecutionRequest } from "./messages.ts";

/** A session that is still being opened is waited for so long: it is further than a new one would be. */
const WAIT_MS = 1_000;

type Opening = { target: Target; handle: Promise<BackendHandle | null> };

export function preparedSession() {
  let current: Opening | null = null;

  /** A session that nobody will use is ended as soon as it is there. */
  function abandon({ target, handle }: Opening): void {
    void handle.then((opened) => {
      if (opened !== null) void connectors[target.type].release(opened);
    });
  }

  return {
    /** Whether it could be opened. */
    async open(target: Target, keep_ms: number): Promise<boolean> {
      if (current !== null) abandon(current);
      const opening = { target, handle: tryToOpen(target, keep_ms) };
      current = opening;
      return (await opening.handle) !== null;
    },
    /** For this run alone, when it has the same target and executes SQL; else it is ended. */
    async take(request: ExecutionRequest): Promise<BackendHandle | null> {
      const taken = current;
      current = null;
      if (taken === null) return null;
      const isSql = request.kind === "query" || request.kind === "explain";
      if (isSql && isDeepStrictEqual(taken.target, request.target)) {
        const handle = await Promise.race([taken.handle, late()]);
        if (handle !== "late") return handle;
      }
      abandon(taken);
      return null;
    },
  };
}

async function tryToOpen(target: Target, keep_ms: number): Promise<BackendHandle | null> {
  try {
    return await connectors[target.type].prepare(target, { keep_ms });
  } catch (error) {
    // The run that comes next opens its own, and says what is wrong.
    if (error instanceof ConnectorError) return null;
    throw error;
  }
}

function late(): Promise<"late"> {
  return new Promise((resolve) => {
    setTimeout(() => resolve("late"), WAIT_MS).unref();
  });
}
