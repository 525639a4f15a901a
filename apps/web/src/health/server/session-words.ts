/** What is said of sessions. */
import type { Session } from "@quern/contract/agent/activity";
import { t } from "../../i18n/language.ts";
import { formatDuration } from "../../words/duration.ts";
import type { Tone } from "../../words/tone.ts";
import type { Show } from "./sessions.ts";

/** What a session does: its state, and what it waits for. */
export function sessionTone({ state, wait_event_type, blocked_by, backend_type }: Session): Tone {
  if ((blocked_by?.length ?? 0) > 0)
    return { words: t("waits for a lock"), icon: "i-lucide-hourglass", color: "error" };
  switch (state) {
    case "active":
      return { words: activeWords(wait_event_type), icon: "i-lucide-play", color: "success" };
    case "idle":
      return { words: t("idle"), icon: "i-lucide-pause", color: "neutral" };
    case "idle in transaction":
      return { words: t("idle in transaction"), icon: "i-lucide-pause", color: "warning" };
    case "idle in transaction (aborted)":
      return {
        words: t("idle in a failed transaction"),
        icon: "i-lucide-circle-pause",
        color: "warning",
      };
    case "fastpath function call":
      return { words: t("calls a function"), icon: "i-lucide-play", color: "success" };
    default:
      return { words: state ?? backend_type, icon: "i-lucide-cog", color: "neutral" };
  }
}

function activeWords(wait: string | null): string {
  switch (wait) {
    case null:
      return t("at work");
    case "IO":
      return t("waits for I/O");
    case "Client":
      return t("waits for its client");
    case "LWLock":
      return t("waits inside the server");
    case "Lock":
      return t("waits for a lock");
    default:
      return t("waits: {type}", { type: wait });
  }
}

/** A type of wait as a person says it; PostgreSQL's own word where this app has none. */
export function waitTypeWords(type: string): string {
  switch (type) {
    case "CPU":
      return t("At work (no wait)");
    case "IO":
      return t("Input and output");
    case "Lock":
      return t("Locks");
    case "LWLock":
      return t("Locks inside the server");
    case "Client":
      return t("The client");
    case "IPC":
      return t("Another process");
    case "BufferPin":
      return t("A pinned buffer");
    case "Timeout":
      return t("A pause");
    case "Activity":
      return t("Work to come");
    case "Extension":
      return t("An extension");
    default:
      return type;
  }
}

export function showWords(show: Show): string {
  switch (show) {
    case "all":
      return t("All");
    case "active":
      return t("Active");
    case "waiting":
      return t("Waiting for a lock");
    case "idle_in_transaction":
      return t("Idle in transaction");
    case "server":
      return t("The server’s own");
  }
}

/** Seconds in words; nothing where they are not known. */
export const secondsWords = (seconds: number | null): string =>
  seconds === null
    ? ""
    : formatDuration(seconds < 10 ? seconds * 1000 : Math.round(seconds) * 1000);
