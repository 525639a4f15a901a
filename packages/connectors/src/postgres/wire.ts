/**
 * PostgreSQL's messages on a signed-in socket. A reader pulls: nothing is read while nobody asks, so a slow
 * receiver stops the server by TCP. The length of a message is known before its body: a DataRow above the cap is
 * refused without being buffered, other messages are cut.
 */
import type { Socket } from "node:net";

/** Codes of the backend's messages that execution looks at. */
export const MESSAGE = {
  bindComplete: 0x32,
  closeComplete: 0x33,
  commandComplete: 0x43,
  copyBoth: 0x57,
  copyData: 0x64,
  copyIn: 0x47,
  copyOut: 0x48,
  dataRow: 0x44,
  emptyQuery: 0x49,
  error: 0x45,
  noData: 0x6e,
  notice: 0x4e,
  parameterDescription: 0x74,
  parameterStatus: 0x53,
  parseComplete: 0x31,
  portalSuspended: 0x73,
  ready: 0x5a,
  rowDescription: 0x54,
} as const;

/** Looks at one message: its body is `buffer[start…end)`. Returns true to stop reading after it. */
export type OnMessage = (type: number, buffer: Buffer, start: number, end: number) => boolean;

export type Wire = {
  send(...messages: Buffer[]): void;
  /** Settled when what was sent has left this process but for a little, or the connection is lost. */
  drained(): Promise<void>;
  /** Reads messages until `onMessage` returns true or throws; rejects when the connection is lost. */
  read(onMessage: OnMessage): Promise<void>;
  destroy(): void;
};

export class OversizedRowError extends Error {
  override name = "OversizedRowError";
  readonly size: number;
  constructor(size: number) {
    super(`a row of ${size} bytes`);
    this.size = size;
  }
}

export class ConnectionLostError extends Error {
  override name = "ConnectionLostError";
}

const HEADER = 5;
const MAX_OTHER_MESSAGE = 4 * 1024 * 1024;
/** Up to this, messages that belong together are put into one; more is not copied for it. */
const COPIED_BYTES = 16 * 1024;

type Reader = { onMessage: OnMessage; resolve: () => void; reject: (error: Error) => void };

export type WireLimits = {
  max_row_bytes: number;
  /** Rows are thrown away: of a big one only the beginning is read into memory. May be changed between messages. */
  cut_rows?: boolean;
};

/** Takes over a socket on which no answer is outstanding. */
export function openWire(socket: Socket, limits: WireLimits): Wire {
  let chunk: Buffer = Buffer.alloc(0);
  let position = 0;
  /** A message that began in an earlier chunk: filled as chunks come, so that a big one is copied once. */
  let partial: Buffer | null = null;
  let filled = 0;
  /** Bytes of a cut message that are still to be thrown away. */
  let excess = 0;
  let reader: Reader | null = null;
  let lost: Error | null = null;

  socket.on("data", (data: Buffer) => {
    chunk = data;
    position = 0;
    if (reader === null) socket.pause();
    else pump();
  });
  socket.on("error", (error) => lose(new ConnectionLostError(error.message, { cause: error })));
  socket.on("close", () => lose(new ConnectionLostError("the server closed the connection")));
  socket.on("end", () => lose(new ConnectionLostError("the server closed the connection")));
  socket.pause();

  function lose(error: Error): void {
    lost ??= error;
    settle(lost);
  }

  function settle(error: Error | null): void {
    const current = reader;
    reader = null;
    // With nothing left the next question is near: then pausing for it would cost more than the answer. What comes without one
    // is kept, and nothing behind it is read.
    if (position < chunk.length) socket.pause();
    if (error === null) current?.resolve();
    else current?.reject(error);
  }

  function pump(): void {
    try {
      while (reader !== null && position < chunk.length) {
        if (excess > 0) skipExcess();
        else if (partial !== null) continuePartial();
        else if (!readWhole()) beginPartial();
      }
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      settle(error);
      return;
    }
    if (reader !== null) {
      if (lost !== null) settle(lost);
      else if (socket.isPaused()) socket.resume();
    }
  }

  function skipExcess(): void {
    const skipped = Math.min(excess, chunk.length - position);
    excess -= skipped;
    position += skipped;
  }

  /** Handles the messages that lie whole in the chunk; false when the next one does not. */
  function readWhole(): boolean {
    const bytes = chunk;
    while (position + HEADER <= bytes.length) {
      const type = bytes[position] ?? 0;
      const end = position + 1 + bytes.readInt32BE(position + 1);
      if (end > bytes.length) return false;
      const start = position + HEADER;
      position = end;
      checkRow(type, end - start);
      if (deliver(type, bytes, start, end)) return true;
    }
    return position >= bytes.length;
  }

  function beginPartial(): void {
    const available = chunk.length - position;
    // The header itself may be torn: collect five bytes first, then the body.
    if (available < HEADER) {
      partial = Buffer.allocUnsafe(HEADER);
      filled = chunk.copy(partial, 0, position);
      position = chunk.length;
      return;
    }
    partial = Buffer.allocUnsafe(HEADER);
    filled = HEADER;
    chunk.copy(partial, 0, position, position + HEADER);
    position += HEADER;
    growPartial();
  }

  function growPartial(): void {
    if (partial === null) return;
    const type = partial[0] ?? 0;
    const length = partial.readInt32BE(1) - 4;
    checkRow(type, length);
    const kept = isWhole(type) ? length : Math.min(length, MAX_OTHER_MESSAGE);
    const whole = Buffer.allocUnsafe(HEADER + kept);
    partial.copy(whole, 0, 0, HEADER);
    partial = whole;
    if (kept === 0) finishPartial();
  }

  function continuePartial(): void {
    if (partial === null) return;
    const copied = chunk.copy(partial, filled, position);
    filled += copied;
    position += copied;
    if (filled < partial.length) return;
    if (partial.length === HEADER) growPartial();
    else finishPartial();
  }

  function finishPartial(): void {
    const whole = partial;
    if (whole === null) return;
    partial = null;
    excess = whole.readInt32BE(1) - 4 - (whole.length - HEADER);
    deliver(whole[0] ?? 0, whole, HEADER, whole.length);
  }

  function checkRow(type: number, length: number): void {
    if (length < 0) throw new ConnectionLostError("the server sent something that is no message");
    if (isWhole(type) && length > limits.max_row_bytes) throw new OversizedRowError(length);
  }

  /** Whether it is a row, which is of no use without its end. */
  function isWhole(type: number): boolean {
    return (type === MESSAGE.dataRow || type === MESSAGE.copyData) && limits.cut_rows !== true;
  }

  /** True when reading stops here. */
  function deliver(type: number, buffer: Buffer, start: number, end: number): boolean {
    if (reader?.onMessage(type, buffer, start, end)) {
      settle(null);
      return true;
    }
    return false;
  }

  return {
    send(...messages) {
      const [only, ...more] = messages;
      if (lost !== null || only === undefined) return;
      const size = messages.reduce((sum, message) => sum + message.length, 0);
      if (more.length === 0) socket.write(only);
      else if (size < COPIED_BYTES) socket.write(Buffer.concat(messages, size));
      else {
        socket.cork();
        for (const message of messages) socket.write(message);
        socket.uncork();
      }
    },
    async drained() {
      if (lost !== null || !socket.writableNeedDrain) return;
      await new Promise<void>((resolve) => {
        const go = () => {
          socket.off("drain", go).off("close", go);
          resolve();
        };
        socket.on("drain", go).on("close", go);
      });
    },
    read(onMessage) {
      return new Promise((resolve, reject) => {
        reader = { onMessage, resolve, reject };
        pump();
      });
    },
    destroy() {
      socket.destroy();
    },
  };
}
