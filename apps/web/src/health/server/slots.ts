/** What replication slots keep, how dangerous that is, and what to do about it. */
import type { ServerStats } from "@quern/contract/agent/server";
import { t } from "../../i18n/language.ts";
import { formatBytes } from "../../words/bytes.ts";
import { formatDuration } from "../../words/duration.ts";
import type { Tone } from "../../words/tone.ts";
import type { Advice } from "./blocking-words.ts";
import { known } from "./replication.ts";

export type Slot = NonNullable<ServerStats["slots"]>[number];

const GB = 1024 ** 3;

type Danger = { tone: Tone; words: string | null };

/**
 * How dangerous it is what a slot keeps. `limit` is max_slot_wal_keep_size in bytes, null without one; `wal_rate` is what
 * the server writes in bytes a second, null when that is not known.
 */
export function slotDanger(slot: Slot, limit: number | null, wal_rate: number | null): Danger {
  if (isLost(slot))
    return {
      tone: { words: t("lost"), icon: "i-lucide-circle-x", color: "error" },
      words: lostWords(slot),
    };
  const retained = known(slot.retained_bytes) ?? 0;
  const words = roomWords(slot, limit, wal_rate);
  const share = limit === null || limit === 0 ? 0 : retained / limit;
  const grave =
    slot.wal_status === "unreserved" || (limit === null ? retained >= 10 * GB : share >= 0.8);
  if (grave)
    return {
      tone: { words: t("in danger"), icon: "i-lucide-circle-alert", color: "error" },
      words,
    };
  const doubtful =
    share >= 0.5 ||
    (retained >= GB && (limit === null || !slot.active)) ||
    slot.wal_status === "extended";
  if (doubtful)
    return {
      tone: { words: t("keeps much"), icon: "i-lucide-triangle-alert", color: "warning" },
      words,
    };
  if (!slot.active)
    return { tone: { words: t("not read"), icon: "i-lucide-unplug", color: "neutral" }, words };
  return { tone: { words: t("fine"), icon: "i-lucide-circle-check", color: "success" }, words };
}

const isLost = ({ wal_status, invalidation_reason, conflicting }: Slot): boolean =>
  wal_status === "lost" || invalidation_reason !== null || conflicting === true;

function lostWords({ invalidation_reason }: Slot): string {
  switch (invalidation_reason) {
    case "wal_removed":
      return t("The WAL that it needed is gone.");
    case "rows_removed":
      return t("Rows that it needed were removed by vacuum.");
    case "wal_level_insufficient":
      return t("wal_level of the primary no longer serves logical slots.");
    case "idle_timeout":
      return t("It was not used for longer than idle_replication_slot_timeout.");
    default:
      return t("What it needed is gone.");
  }
}

/** How much more it may keep, and for how long that is enough; null where nothing is known of a limit. */
function roomWords(
  { safe_wal_bytes }: Slot,
  limit: number | null,
  wal_rate: number | null,
): string | null {
  const room = known(safe_wal_bytes);
  if (limit === null) return null;
  if (room === null) return t("At most {limit} is kept for it.", { limit: formatBytes(limit) });
  if (room <= 0) return t("It is given up at the next checkpoint.");
  const size = formatBytes(room);
  if (wal_rate === null || wal_rate <= 0) return t("{size} more, then it is given up.", { size });
  return t("{size} more, then it is given up: in about {time} at the rate of this range.", {
    size,
    time: formatDuration((room / wal_rate) * 1000),
  });
}

/** What to do about a slot that is not fine. */
export function slotAdvice(slot: Slot): Advice {
  const drop = `select pg_drop_replication_slot('${slot.name.replaceAll("'", "''")}');`;
  if (isLost(slot))
    return {
      words: t(
        "Its consumer cannot go on. Drop the slot, and build the replica or the subscription anew.",
      ),
      sql: drop,
    };
  if (slot.active)
    return {
      words: t(
        "Its consumer is connected. When it is behind, look at its load and at the network; set `max_slot_wal_keep_size`, so that it cannot fill the disk.",
      ),
      sql: null,
    };
  return {
    words: t(
      "Nobody reads from it. Bring its consumer back; when it is gone for good, drop the slot, and the WAL is removed at the next checkpoint.",
    ),
    sql: drop,
  };
}
