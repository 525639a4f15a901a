/** The server's messages as a script's session reads them: an error is noted, and the session goes on. */
import type { ServerError } from "@quern/psql/session";
import type { BackendHandle } from "../connector.ts";
import { ConnectorError, safeText } from "../errors.ts";
import { readFields, readText } from "./messages.ts";
import { serverError } from "./server-errors.ts";
import type { Session } from "./session.ts";
import { MESSAGE, type OnMessage, openWire, type WireLimits } from "./wire.ts";

export type TransactionState = "idle" | "open" | "failed";

export type ScriptWire = {
  handle: BackendHandle;
  limits: WireLimits;
  send(...messages: Buffer[]): void;
  drained(): Promise<void>;
  /**
   * Reads on until the server is ready for the next question, which gives true, or until `onMessage` returns true.
   * Throws ConnectorError when the server ends the session or somebody cancels, and what the wire throws.
   */
  read(onMessage: OnMessage): Promise<boolean>;
  /** The first error since the last call; null when there was none. */
  takeError(): ServerError | null;
  transaction(): TransactionState;
  /** A setting that the server reports, as last reported. */
  parameter(name: string): string;
  /** How many reports of settings came so far. */
  reports(): number;
  destroy(): void;
};

const MAX_NOTICE = 1_000;
const STATES: Record<string, TransactionState> = { I: "idle", T: "open", E: "failed" };

/** `parameters`: what the server has reported until now. */
export function openScriptWire(
  session: Session,
  parameters: Map<string, string>,
  options: { max_row_bytes: number; onNotice: (text: string) => void },
): ScriptWire {
  // pg has signed in and has no answer outstanding: from here on the socket is read by us alone.
  session.socket.removeAllListeners("data");
  const limits: WireLimits = { max_row_bytes: options.max_row_bytes };
  const wire = openWire(session.socket, limits);
  let state: TransactionState = "idle";
  let reports = 0;
  let failure: ServerError | null = null;

  function note(buffer: Buffer, start: number, end: number): void {
    const fields = readFields(buffer, start, end);
    const told = serverError(fields, null);
    // A COPY that we end for want of data has the same code.
    const isCancel = told.code === "canceled" && fields.get("R") === "ProcessInterrupts";
    // The severity as it is in every language; before 9.6 there was none, and nothing of that age is started here.
    if (isCancel || /^(FATAL|PANIC)$/.test(fields.get("V") ?? "")) throw told;
    failure ??= {
      sqlstate: told.sqlstate ?? "",
      message: told.message,
      position: Number(fields.get("P") ?? 0) || null,
      detail: told.detail,
      // Its own, not what we would say of a datasource.
      hint: fields.has("H") ? told.hint : null,
    };
  }

  return {
    handle: session.handle,
    limits,
    send: wire.send,
    drained: wire.drained,
    async read(onMessage) {
      let ready = false;
      await wire.read((type, buffer, start, end) => {
        switch (type) {
          case MESSAGE.ready:
            state = STATES[String.fromCharCode(buffer[start] ?? 0)] ?? "idle";
            ready = true;
            return true;
          case MESSAGE.error:
            note(buffer, start, end);
            return onMessage(type, buffer, start, end);
          case MESSAGE.notice: {
            const fields = readFields(buffer, start, end);
            const text = `${fields.get("S") ?? "NOTICE"}: ${fields.get("M") ?? ""}`;
            options.onNotice(safeText(text, MAX_NOTICE));
            return false;
          }
          case MESSAGE.parameterStatus: {
            const name = readText(buffer, start, end);
            parameters.set(name, readText(buffer, start + name.length + 1, end));
            reports += 1;
            return false;
          }
          case MESSAGE.copyBoth:
            throw new ConnectorError({
              code: "sql_error",
              message: "Replication is not supported: this is a session for queries.",
              sqlstate: "0A000",
            });
          default:
            return onMessage(type, buffer, start, end);
        }
      });
      return ready;
    },
    takeError() {
      const taken = failure;
      failure = null;
      return taken;
    },
    transaction: () => state,
    reports: () => reports,
    parameter: (name) => parameters.get(name) ?? "",
    destroy: () => session.destroy(),
  };
}
