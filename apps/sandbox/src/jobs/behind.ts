/** What is still done for jobs that were answered: their states are made into layers. One at a time, since whoever asks now comes first. */
import type { Log } from "@quern/runtime/log";
import { unlessAborted } from "../layers/single-flight.ts";

export type Turn = {
  /**
   * Resolves after `answered`, when nothing else is done behind, and at once when somebody waits for the state, which `crowd` tells,
   * too. Call what it gives when the work is done. Rejects with the reason of `signal`.
   */
  wait(answered: Promise<void>, crowd: Promise<void>, signal: AbortSignal): Promise<() => void>;
};

export type Behind = {
  /** The work that makes the state of `key` goes on behind its job. */
  begin(org_id: string, key: Buffer, work: BehindWork): Turn;
  /** Waits for the state of `key` where it is being made here, and lets it have its turn. Rejects only with the reason of `signal`. */
  settled(org_id: string, key: Buffer, signal: AbortSignal): Promise<void>;
  running(): number;
  /** Abandons all, and waits for them. */
  stop(): Promise<void>;
};

/** What it throws is for the log. `abandon` ends it; `afterwards` follows where it ended well, and nobody waits for that. */
export type BehindWork = {
  over: Promise<unknown>;
  abandon: () => void;
  afterwards: () => Promise<void>;
};

type Entry = { over: Promise<void>; giveUp: () => void; hurry: () => void };

/** States that may wait for their turn: of somebody who edits and runs again and again only the newest are worth making. */
const WAITING = 3;

export function openBehind(log: Log): Behind {
  const entries = new Map<string, Entry>();
  const ends = new Set<Promise<void>>();
  const queue = openQueue(WAITING);
  return {
    begin(org_id, key, { over: work, abandon, afterwards }) {
      const name = nameOf(org_id, key);
      const { opened: hurried, open: hurry } = gate();
      let isGivenUp = false;
      const giveUp = () => {
        isGivenUp = true;
        abandon();
      };
      const told = (error: unknown) =>
        log[isGivenUp ? "debug" : "warn"]({ err: error }, "a state was not kept behind its job");
      const over = work.then(
        () => {},
        () => {},
      );
      const entry = { over, giveUp, hurry };
      entries.set(name, entry);
      void over.then(() => {
        if (entries.get(name) === entry) entries.delete(name);
      });
      const rest = work.then(afterwards).catch(told);
      ends.add(rest);
      void rest.then(() => ends.delete(rest));
      return {
        async wait(answered, crowd, signal) {
          await unlessAborted(Promise.race([answered, hurried, crowd]), signal);
          const place = queue.enter(giveUp);
          try {
            await unlessAborted(Promise.race([place.mine, hurried, crowd]), signal);
          } catch (error) {
            place.leave();
            throw error;
          }
          place.stopWaiting();
          return place.leave;
        },
      };
    },
    async settled(org_id, key, signal) {
      const entry = entries.get(nameOf(org_id, key));
      if (entry === undefined) return;
      entry.hurry();
      await unlessAborted(entry.over, signal);
    },
    running: () => entries.size,
    async stop() {
      for (const { giveUp } of entries.values()) giveUp();
      await Promise.all(ends);
    },
  };
}

type Waiting = { go: () => void; abandon: () => void };

/** Lets one in at a time, in order. Where more than `most` wait the oldest is abandoned. */
function openQueue(most: number) {
  const waiting: Waiting[] = [];
  let isTaken = false;
  return {
    enter(abandon: () => void) {
      const { opened: mine, open } = gate();
      let has = false;
      const place: Waiting = {
        abandon,
        go() {
          isTaken = true;
          has = true;
          open();
        },
      };
      const stopWaiting = () => {
        const at = waiting.indexOf(place);
        if (at !== -1) waiting.splice(at, 1);
      };
      if (isTaken) waiting.push(place);
      else place.go();
      if (waiting.length > most) waiting.shift()?.abandon();
      return {
        mine,
        stopWaiting,
        leave() {
          stopWaiting();
          if (!has) return;
          has = false;
          isTaken = false;
          waiting.shift()?.go();
        },
      };
    },
  };
}

function gate(): { opened: Promise<void>; open: () => void } {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open: () => open() };
}

function nameOf(org_id: string, key: Buffer): string {
  return `${org_id}/${key.toString("hex")}`;
}
