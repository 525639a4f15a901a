import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Part, Statement } from "@quern/contract/results";
import type { BegunStatement } from "@quern/executor/pool";
import { partName } from "@quern/results/part-name";
import { deleteParts, putPart } from "@quern/results/part-writing";
import { type PartStore, PartStoreError } from "@quern/results/parts";
import type { Log } from "@quern/runtime/log";
import type { Database } from "@quern/store/db";
import { insertEarlyRows } from "@quern/store/early-rows";
import type { StoredPart } from "@quern/store/manifest";
import { type Claim, LeaseLostError } from "@quern/store/queue";

export type KeptParts = {
  parts: StoredPart[];
  /** Whether some may have been readable before. */
  early: boolean;
};

/** The parts that the executor of one run writes to its directory, on their way to where they are kept. */
export type PartKeeper = {
  /** A part is whole, at its file or in `data`. Unless the run ends within a moment, it can soon be read. */
  add(part: Part, statement: BegunStatement, data: Uint8Array | null): void;
  /**
   * Keeps the rest of these parts, in their order, and looks between them whether to stop. Throws `PartStoreError` and
   * `KeepingStoppedError`.
   */
  keep(parts: readonly Part[], isStopped?: () => boolean): Promise<KeptParts>;
  /** Makes nothing readable any more; settled when nothing is on its way. */
  close(): Promise<void>;
  /** Removes what was kept outside PostgreSQL: when the run's end could not be written. */
  discard(): Promise<void>;
};

export class KeepingStoppedError extends Error {
  override name = "KeepingStoppedError";
}

type Shop = { db: Database; log: Log; partStore: PartStore; inlineBytes: number };

/** A run that ends sooner is written at once, as a whole; and parts that come in a flock are written together. */
const EARLY_MS = 50;
/** The first page has to come soon; what follows, twice as long after each time, up to this. */
const MAX_EARLY_MS = 1_000;

/**
 * Parts are kept in PostgreSQL while all of them together are small, else in the part store, under a key of this
 * attempt, so that no other attempt's parts are in the way. A part that is kept stays where it is.
 */
export function openPartKeeper(shop: Shop, claim: Claim, directory: string): PartKeeper {
  const prefix = `${claim.id}/${claim.attempt}`;
  const kept = new Map<string, StoredPart>();
  const inMemory = new Map<string, Uint8Array>();
  const statements = new Map<number, Statement>();
  let size = 0;
  const fresh: Part[] = [];
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> = Promise.resolve();
  let early = false;
  let pause = EARLY_MS;
  let open = true;

  async function store(part: Part, inline: boolean): Promise<StoredPart> {
    const name = partName(part);
    const known = kept.get(name);
    if (known !== undefined) return known;
    const from = join(directory, name);
    const data = inMemory.get(name);
    const stored: StoredPart = inline
      ? { ...part, store: "postgres", data: data ?? (await readFile(from)) }
      : { ...part, store: shop.partStore.kind, location: `${prefix}/${name}` };
    if (stored.store !== "postgres") {
      if (data !== undefined) await writeAnew(directory, from, data);
      await putPart(shop.partStore, stored.location, from);
    }
    kept.set(name, stored);
    return stored;
  }

  async function publish(): Promise<void> {
    const parts: StoredPart[] = [];
    const inline = size <= shop.inlineBytes;
    for (const part of fresh.splice(0)) {
      parts.push(await store(part, inline));
      const statement = statements.get(part.statement);
      if (statement !== undefined) statement.rows += part.rows;
    }
    const touched = new Set(parts.map(({ statement }) => statement));
    const shown = [...statements.values()].filter(({ index }) => touched.has(index));
    early = true;
    await insertEarlyRows(shop.db, claim, shown, parts);
  }

  function schedule(): void {
    timer = setTimeout(() => {
      writing = publish()
        .catch((error: unknown) => {
          // The end of the run tries again, and says what is wrong if it still is.
          open = false;
          if (!(error instanceof LeaseLostError))
            shop.log.warn({ err: error }, "could not show the first rows of a run early");
        })
        .then(() => {
          timer = undefined;
          if (open && fresh.length > 0) schedule();
        });
    }, pause);
    pause = Math.min(pause * 2, MAX_EARLY_MS);
  }

  async function close(): Promise<void> {
    open = false;
    clearTimeout(timer);
    await writing;
  }

  return {
    add(part, begun, data) {
      size += part.size;
      if (data !== null) inMemory.set(partName(part), data);
      if (!statements.has(begun.index)) statements.set(begun.index, unfinished(begun));
      fresh.push(part);
      if (open && timer === undefined) schedule();
    },
    async keep(parts, isStopped = () => false) {
      await close();
      const inline = parts.reduce((sum, part) => sum + part.size, 0) <= shop.inlineBytes;
      const all: StoredPart[] = [];
      for (const part of parts) {
        if (isStopped()) throw new KeepingStoppedError("somebody canceled while parts were kept");
        all.push(await store(part, inline));
      }
      return { parts: all, early };
    },
    close,
    async discard() {
      if (![...kept.values()].some(({ store }) => store !== "postgres")) return;
      await deleteParts(shop.partStore, prefix).catch((error: unknown) => {
        if (!(error instanceof PartStoreError)) throw error;
        shop.log.warn({ err: error }, "could not delete parts; the sweep will");
      });
    },
  };
}

async function writeAnew(directory: string, path: string, data: Uint8Array): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await writeFile(path, data, { mode: 0o600 });
}

/** A statement as far as it is known while it goes on. */
function unfinished({ index, start, end, columns }: BegunStatement): Statement {
  return {
    index,
    start,
    end,
    columns,
    command: "",
    rows: 0,
    rows_affected: null,
    bytes: 0,
    truncated: null,
    duration_ms: 0,
  };
}
