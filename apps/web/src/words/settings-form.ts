import type { LimitName, Settings, SettingsChange } from "@quern/contract/settings";
import { SettingsChange as Change } from "@quern/contract/settings";
import { t } from "../i18n/language.ts";
import { formatByteLimit, parseBytes } from "./bytes.ts";
import { formatCount, parseCount } from "./count.ts";
import { formatDuration, parseDuration } from "./duration.ts";

export type LimitField = {
  name: LimitName;
  label: string;
  help: string;
  /** How a person may write it. */
  example: string;
};

export const LIMIT_FIELDS: LimitField[] = [
  {
    name: "timeout_ms",
    label: t("Timeout"),
    help: t("How long a run may take, connecting included."),
    example: t("a time such as 30 s, 5 min or 1 h"),
  },
  {
    name: "max_rows",
    label: t("Rows"),
    help: t("Of each statement. A run stops there and says so."),
    example: t("a count such as 100000 or 1M"),
  },
  {
    name: "max_bytes",
    label: t("Size"),
    help: t("Of each statement’s rows, uncompressed."),
    example: t("a size such as 256 MiB or 20 GiB"),
  },
  {
    name: "result_ttl_s",
    label: t("Results are kept"),
    help: t("After that the rows are deleted; the run stays in the history."),
    example: t("a time such as 12 h or 7 d"),
  },
];

const WRITERS: Record<LimitName, (value: number) => string> = {
  timeout_ms: (ms) => formatDuration(ms).replace(/[.,]0+ /, " "),
  max_rows: formatCount,
  max_bytes: formatByteLimit,
  result_ttl_s: (seconds) => formatDuration(seconds * 1000).replace(/[.,]0+ /, " "),
};
const READERS: Record<LimitName, (text: string) => number | null> = {
  timeout_ms: parseDuration,
  max_rows: parseCount,
  max_bytes: parseBytes,
  result_ttl_s: (text) => {
    const ms = parseDuration(text);
    return ms === null ? null : Math.round(ms / 1000);
  },
};

/** A limit as a person reads it: `5 min`, `100,000`, `256 MiB`, `7 d`. */
export function limitWords(name: LimitName, value: number): string {
  return WRITERS[name](value);
}

export type SettingsTexts = Record<LimitName, { default: string; maximum: string }> & {
  max_queued_per_person: string;
};

export function settingsTexts(settings: Settings): SettingsTexts {
  const texts = (name: LimitName) => ({
    default: limitWords(name, settings.limits[name].default),
    maximum: limitWords(name, settings.limits[name].maximum),
  });
  return {
    timeout_ms: texts("timeout_ms"),
    max_rows: texts("max_rows"),
    max_bytes: texts("max_bytes"),
    result_ttl_s: texts("result_ttl_s"),
    max_queued_per_person: formatCount(settings.max_queued_per_person),
  };
}

/** `wrong` says per field (`timeout_ms.default`) what is wrong with it; `change` is null when something is, or nothing changed. */
export function readSettingsForm(
  texts: SettingsTexts,
  settings: Settings,
): { change: SettingsChange | null; wrong: Record<string, string> } {
  const wrong: Record<string, string> = {};
  const limits: NonNullable<SettingsChange["limits"]> = {};
  for (const { name, example } of LIMIT_FIELDS) {
    const values = { ...settings.limits[name] };
    for (const part of ["default", "maximum"] as const) {
      // What was not touched keeps its exact value: its words may be shorter than it.
      if (texts[name][part] === limitWords(name, settings.limits[name][part])) continue;
      const read = READERS[name](texts[name][part]);
      if (read === null) wrong[`${name}.${part}`] = t("Write {example}.", { example });
      else {
        const refused = outOfBounds(name, part, read);
        if (refused !== null) wrong[`${name}.${part}`] = refused;
        if (read !== values[part]) limits[name] = { ...limits[name], [part]: read };
        values[part] = read;
      }
    }
    if (values.default > values.maximum && !wrong[`${name}.default`] && !wrong[`${name}.maximum`])
      wrong[`${name}.default`] = t("At most {limit}, the maximum beside it.", {
        limit: limitWords(name, values.maximum),
      });
  }
  const queued = parseCount(texts.max_queued_per_person);
  if (queued === null) wrong.max_queued_per_person = t("Write a count such as 10000.");
  else if (queued < 1 || queued > 1_000_000)
    wrong.max_queued_per_person = t("Between 1 and 1,000,000.");
  const change: SettingsChange = {
    ...(Object.keys(limits).length > 0 ? { limits } : {}),
    ...(queued !== null && queued !== settings.max_queued_per_person
      ? { max_queued_per_person: queued }
      : {}),
  };
  const sound = Object.keys(wrong).length === 0 && Object.keys(change).length > 0;
  return { change: sound ? change : null, wrong };
}

/** What the API would refuse, in words; null when it would not. The bounds are those of the contract. */
function outOfBounds(name: LimitName, part: "default" | "maximum", value: number): string | null {
  const checked = Change.safeParse({ limits: { [name]: { [part]: value } } });
  if (checked.success) return null;
  const issue = checked.error.issues[0];
  if (issue?.code === "too_big")
    return t("At most {limit}.", { limit: limitWords(name, Number(issue.maximum)) });
  if (issue?.code === "too_small")
    return t("At least {limit}.", { limit: limitWords(name, Number(issue.minimum)) });
  return issue?.message ?? t("This cannot be set.");
}
