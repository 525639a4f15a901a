/** The extended protocol as questions and answers on one session. */
import { ConnectorError, safeText } from "../errors.ts";
import {
  bind,
  copyFail,
  executePortal,
  parse,
  readFields,
  readText,
  readTextRow,
  sync,
} from "./messages.ts";
import { serverError } from "./server-errors.ts";
import type { Session } from "./session.ts";
import { MESSAGE, type OnMessage, openWire, type Wire } from "./wire.ts";

export type Conversation = {
  wire: Wire;
  /** Hears of text that was no UTF-8; null when the server promises that all is. */
  onRepair: (() => void) | null;
  /** Sends and reads until `onMessage` returns true. Throws the server's error: nothing more can be asked then. */
  exchange(messages: Buffer[], sent: SentText | null, onMessage: OnMessage): Promise<void>;
  /** A catalog query with text in and out. */
  lookUp(sql: string, values: string[]): Promise<(string | null)[][]>;
};

/** The text of the statement at work and where it begins in the whole, for error positions. */
export type SentText = { text: string; offset: number };

const MAX_NOTICE = 1_000;
const REPAIRED =
  "WARNING: this database has no encoding (SQL_ASCII), and some text is not UTF-8: such bytes became \u{FFFD}";

export function openConversation(
  session: Session,
  options: { max_row_bytes: number; onNotice: (text: string) => void },
): Conversation {
  // pg has signed in and has no answer outstanding: from here on the socket is read by us alone.
  session.socket.removeAllListeners("data");
  const wire = openWire(session.socket, options);
  const checkUtf8 = session.server_encoding === "SQL_ASCII";
  const encoding = checkUtf8 ? "SQL_ASCII" : "UTF8";

  async function exchange(
    messages: Buffer[],
    sent: SentText | null,
    onMessage: OnMessage,
  ): Promise<void> {
    let failure: ConnectorError | null = null;
    wire.send(...messages);
    await wire.read((type, buffer, start, end) => {
      switch (type) {
        case MESSAGE.error:
          failure ??= serverError(readFields(buffer, start, end), sent);
          return true;
        case MESSAGE.notice: {
          const fields = readFields(buffer, start, end);
          options.onNotice(
            safeText(`${fields.get("S") ?? "NOTICE"}: ${fields.get("M") ?? ""}`, MAX_NOTICE),
          );
          return false;
        }
        case MESSAGE.parameterStatus:
          checkEncoding(encoding, buffer, start, end);
          return false;
        case MESSAGE.copyIn:
          failure = copyError("COPY … FROM STDIN", "there is no file to read here");
          // The server ignored the Sync before it: it waits for data, or for this.
          wire.send(copyFail("COPY FROM STDIN is not supported"), sync());
          return false;
        case MESSAGE.copyOut:
          throw copyError("COPY … TO STDOUT", "use select, and download its result");
        case MESSAGE.copyBoth:
          throw copyError("Replication", "this is a session for queries");
        default:
          return failure === null && onMessage(type, buffer, start, end);
      }
    });
    if (failure !== null) throw failure;
  }

  async function lookUp(sql: string, values: string[]): Promise<(string | null)[][]> {
    const rows: (string | null)[][] = [];
    const messages = [parse("", sql, []), bind("", values, [0]), executePortal(0), sync()];
    await exchange(messages, null, (type, buffer, start) => {
      if (type === MESSAGE.dataRow) rows.push(readTextRow(buffer, start));
      return type === MESSAGE.ready;
    });
    return rows;
  }

  let warned = false;
  function onRepair(): void {
    if (!warned) options.onNotice(REPAIRED);
    warned = true;
  }

  return { wire, onRepair: checkUtf8 ? onRepair : null, exchange, lookUp };
}

function checkEncoding(expected: string, buffer: Buffer, start: number, end: number): void {
  const name = readText(buffer, start, end);
  if (name !== "client_encoding") return;
  const value = readText(buffer, start + name.length + 1, end);
  if (value === expected) return;
  throw new ConnectorError({
    code: "sql_error",
    message: `The text set client_encoding to ${value}, and results are read as ${expected}.`,
    hint: "Leave client_encoding alone; use convert_to() to get the bytes of another encoding.",
  });
}

function copyError(what: string, why: string): ConnectorError {
  return new ConnectorError({
    code: "sql_error",
    message: `${what} is not supported: ${why}.`,
    sqlstate: "0A000",
  });
}
