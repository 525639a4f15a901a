/** Reads the rows of a bound statement: whole, or in slices by a portal. */
import type { PostgresConfig } from "@quern/contract/datasources";
import type { Truncated } from "@quern/contract/results";
import type { Sink } from "../connector.ts";
import type { Conversation, SentText } from "./conversation.ts";
import { closePortal, closeStatement, executePortal, flush, readText, sync } from "./messages.ts";
import {
  guardError,
  guardMessages,
  MAY_COMMIT_INSIDE,
  needsNoGuard,
  UNCHECKED,
} from "./read-only-guard.ts";
import type { RowReader } from "./rows.ts";
import { sliceRows } from "./slices.ts";
import { MESSAGE } from "./wire.ts";

export type Portal = {
  conversation: Conversation;
  sent: SentText;
  reader: RowReader;
  sink: Sink;
  name: string;
  /** The Bind message. */
  opening: Buffer;
  /** Of a read-only datasource: what the statement wrote is not kept. */
  read_only: PostgresConfig | null;
};

export type PortalOutcome = { command: string | null; truncated: Truncated; left_running: boolean };

/** Where reading stopped: a batch is full, a limit was passed, the portal has more, or it is over. */
type Stop = "full" | "rows" | "bytes" | "suspended" | "over";

export async function readWhole(portal: Portal): Promise<PortalOutcome> {
  const { name, opening } = portal;
  const guard = portal.read_only === null ? [] : guardMessages();
  let messages = [opening, executePortal(0), closeStatement(name), ...guard, sync()];
  for (;;) {
    const { stop, command } = await readSome(portal, messages, "break");
    messages = [];
    await handOn(portal);
    if (stop === "over") return { command, truncated: null, left_running: false };
    if (stop === "rows" || stop === "bytes") {
      portal.conversation.wire.destroy();
      return { command: null, truncated: stop, left_running: true };
    }
  }
}

/** Fetches by portal: after a limit the portal is closed, and what the statement did is committed. */
export async function readSliced(portal: Portal, maxRows: number): Promise<PortalOutcome> {
  const { reader, opening } = portal;
  let truncated: Truncated = null;
  let command: string | null = null;
  let messages = [opening, executePortal(sliceRows(reader, maxRows)), flush()];
  for (;;) {
    const some = await readSome(portal, messages, "skip");
    messages = [];
    await handOn(portal);
    truncated ??= some.limit;
    command ??= some.command;
    if (some.stop === "over") break;
    if (some.stop !== "suspended") continue;
    if (truncated !== null) break;
    messages = [executePortal(sliceRows(reader, maxRows)), flush()];
  }
  await endPortal(portal, command);
  return { command: truncated === null ? command : null, truncated, left_running: false };
}

async function endPortal(portal: Portal, command: string | null): Promise<void> {
  const { conversation, name, sent, read_only } = portal;
  const end = [closePortal(), closeStatement(name)];
  const isOver = (type: number) => type === MESSAGE.ready;
  if (read_only === null || needsNoGuard(command)) {
    await conversation.exchange([...end, sync()], sent, isOver);
    return;
  }
  if (MAY_COMMIT_INSIDE.test(command ?? "")) portal.sink.notice(UNCHECKED);
  try {
    await conversation.exchange([...end, ...guardMessages(), sync()], null, isOver);
  } catch (error) {
    throw guardError(error, read_only, sent.offset);
  }
}

async function readSome(portal: Portal, messages: Buffer[], beyond: "break" | "skip") {
  let stop: Stop = "over";
  let limit: Truncated = null;
  let command: string | null = null;
  const exchange = portal.conversation.exchange(messages, portal.sent, (type, ...message) => {
    switch (type) {
      case MESSAGE.dataRow: {
        // The statement is over: this row is the guard's.
        if (command !== null) return false;
        const verdict = limit ?? portal.reader.add(...message);
        if (verdict === "more") return false;
        if (verdict === "full") stop = "full";
        else {
          limit = verdict;
          if (beyond === "skip") return false;
          stop = verdict;
        }
        return true;
      }
      case MESSAGE.commandComplete:
        command ??= readText(...message);
        return beyond === "skip";
      case MESSAGE.emptyQuery:
        return beyond === "skip";
      case MESSAGE.portalSuspended:
        stop = "suspended";
        return true;
      default:
        return type === MESSAGE.ready;
    }
  });
  await exchange.catch((error: unknown) => {
    const ofGuard = command !== null && portal.read_only !== null;
    throw ofGuard ? guardError(error, portal.read_only!, portal.sent.offset) : error;
  });
  return { stop: stop as Stop, limit: limit as Truncated, command: command as string | null };
}

async function handOn({ reader, sink }: Portal): Promise<void> {
  const batch = reader.take();
  if (batch !== null) await sink.batch(batch);
}
