import type { JobInput, StateSource } from "@quern/contract/job-input";

/** A state that a person chose: one that is known by its key, or what a project's files make. */
export type ChosenState =
  | { type: "state"; key: string }
  | { type: "project"; id: string; version: number | null; head: string | null };

const KEY = /^[0-9a-f]{64}$/;
const ID = /^[0-9a-f]{8}-[0-9a-f-]{27}$/;

/** Reads a state out of an address: a key, or `p:<project>:<version>:<head>` whose last two may be empty; null for anything else. */
export function parseChosen(text: string | null): ChosenState | null {
  if (text === null) return null;
  if (KEY.test(text)) return { type: "state", key: text };
  const [mark, id = "", version = "", ...head] = text.split(":");
  if (mark !== "p" || !ID.test(id)) return null;
  return {
    type: "project",
    id,
    version: /^\d{1,9}$/.test(version) ? Number(version) : null,
    head: head.join(":") || null,
  };
}

export function chosenText(chosen: ChosenState): string {
  if (chosen.type === "state") return chosen.key;
  return `p:${chosen.id}:${chosen.version ?? ""}:${chosen.head ?? ""}`;
}

/** As one side of a diff. */
export function sideOf(chosen: ChosenState): StateSource {
  if (chosen.type === "state") return { state_key: chosen.key };
  return {
    project_id: chosen.id,
    ...(chosen.version === null ? {} : { project_version: chosen.version }),
    ...(chosen.head === null ? {} : { head_path: chosen.head }),
  };
}

/** As what a typed head runs on: the state after all files of a project, whatever head was chosen. */
export function jobOn(chosen: ChosenState, sql: string): JobInput {
  const { head_path: _, ...source } = sideOf(chosen);
  return { ...source, head_sql: sql };
}
