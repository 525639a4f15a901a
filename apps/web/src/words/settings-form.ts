import type { JobLimitName, LimitName, Settings, SettingsChange } from "@quern/contract/settings";
import { SettingsChange as Change } from "@quern/contract/settings";
import { t } from "../i18n/language.ts";
import { formatByteLimit, parseBytes } from "./bytes.ts";
import { formatCount, parseCount } from "./count.ts";
import { formatDuration, parseDuration } from "./duration.ts";

/** A setting that has a default and a maximum. */
export type LimitField<N extends string = string> = {
  name: N;
  label: string;
  help: string;
  /** How a person may write it. */
  example: string;
  write(value: number): string;
  read(text: string): number | null;
};

const MILLISECONDS = {
  example: t("a time such as 30 s, 5 min or 1 h"),
  write: (ms: number) => formatDuration(ms).replace(/[.,]0+ /, " "),
  read: parseDuration,
};
const SECONDS = {
  example: t("a time such as 12 h or 7 d"),
  write: (seconds: number) => MILLISECONDS.write(seconds * 1000),
  read: (text: string) => {
    const ms = parseDuration(text);
    return ms === null ? null : Math.round(ms / 1000);
  },
};

export const LIMIT_FIELDS: LimitField<LimitName>[] = [
  {
    name: "timeout_ms",
    label: t("Timeout"),
    help: t("How long a run may take, connecting included."),
    ...MILLISECONDS,
  },
  {
    name: "max_rows",
    label: t("Rows"),
    help: t("Of each statement. A run stops there and says so."),
    example: t("a count such as 100000 or 1M"),
    write: formatCount,
    read: parseCount,
  },
  {
    name: "max_bytes",
    label: t("Size"),
    help: t("Of each statement’s rows, uncompressed."),
    example: t("a size such as 256 MiB or 20 GiB"),
    write: formatByteLimit,
    read: parseBytes,
  },
  {
    name: "result_ttl_s",
    label: t("Results are kept"),
    help: t("After that the rows are deleted; the run stays in the history."),
    ...SECONDS,
  },
];

export const JOB_FIELDS: LimitField<JobLimitName>[] = [
  {
    name: "timeout_ms",
    label: t("Timeout of a file"),
    help: t("How long each file of a project may take, the head included."),
    ...MILLISECONDS,
  },
  {
    name: "job_ttl_s",
    label: t("Jobs are kept"),
    help: t("After that a job is deleted, with its log and its result."),
    ...SECONDS,
  },
  {
    name: "snapshot_ttl_s",
    label: t("States are kept"),
    help: t("How long a state stays in the cache once nobody uses it, room permitting."),
    ...SECONDS,
  },
];

/** A setting for jobs that is one number. */
export type JobNumber = "max_active_per_person" | "max_unfinished_per_person" | "max_blob_bytes";
const COUNT = { example: t("a count such as 100000 or 1M"), write: formatCount, read: parseCount };
export const JOB_NUMBERS: LimitField<JobNumber>[] = [
  {
    name: "max_active_per_person",
    label: t("Jobs of one person at the same time"),
    help: t("More wait until some have ended."),
    ...COUNT,
  },
  {
    name: "max_unfinished_per_person",
    label: t("Jobs that one person may have waiting or under way"),
    help: t("More are refused until some have ended."),
    ...COUNT,
  },
  {
    name: "max_blob_bytes",
    label: t("Size of one file of a project"),
    help: t("Larger files are refused."),
    example: t("a size such as 256 MiB or 20 GiB"),
    write: formatByteLimit,
    read: parseBytes,
  },
];

type Bounds = { default: number; maximum: number };
type BoundTexts = { default: string; maximum: string };

export type SettingsTexts = Record<LimitName, BoundTexts> & {
  max_queued_per_person: string;
  jobs: Record<JobLimitName, BoundTexts> & Record<JobNumber, string>;
};

export function settingsTexts({ limits, jobs, max_queued_per_person }: Settings): SettingsTexts {
  const both = <N extends string>(fields: LimitField<N>[], bounds: Record<N, Bounds>) =>
    Object.fromEntries(
      fields.map(({ name, write }) => [
        name,
        { default: write(bounds[name].default), maximum: write(bounds[name].maximum) },
      ]),
    ) as Record<N, BoundTexts>;
  const numbers = JOB_NUMBERS.map(({ name, write }) => [name, write(jobs[name])]);
  return {
    ...both(LIMIT_FIELDS, limits),
    max_queued_per_person: formatCount(max_queued_per_person),
    jobs: {
      ...both(JOB_FIELDS, jobs),
      ...(Object.fromEntries(numbers) as Record<JobNumber, string>),
    },
  };
}

type Wrong = Record<string, string>;

/**
 * `wrong` says per field (`timeout_ms.default`, `jobs.max_blob_bytes`) what is wrong with it; `change` is null when something is, or nothing
 * changed.
 */
export function readSettingsForm(
  texts: SettingsTexts,
  settings: Settings,
): { change: SettingsChange | null; wrong: Wrong } {
  const wrong: Wrong = {};
  const limits = readBounds(LIMIT_FIELDS, texts, settings.limits, wrong, "", (part) => ({
    limits: part,
  }));
  const jobs = {
    ...readBounds(JOB_FIELDS, texts.jobs, settings.jobs, wrong, "jobs.", (part) => ({
      jobs: part,
    })),
    ...readJobNumbers(texts, settings, wrong),
  };
  const queued = parseCount(texts.max_queued_per_person);
  if (queued === null) wrong.max_queued_per_person = t("Write a count such as 10000.");
  else if (queued < 1 || queued > 1_000_000)
    wrong.max_queued_per_person = t("Between 1 and 1,000,000.");
  const change: SettingsChange = {
    ...(Object.keys(limits).length > 0 ? { limits } : {}),
    ...(Object.keys(jobs).length > 0 ? { jobs } : {}),
    ...(queued !== null && queued !== settings.max_queued_per_person
      ? { max_queued_per_person: queued }
      : {}),
  };
  const sound = Object.keys(wrong).length === 0 && Object.keys(change).length > 0;
  return { change: sound ? change : null, wrong };
}

/** What was changed of these fields; writes into `wrong` what cannot be, at `prefix` and the field's name. */
function readBounds<N extends string>(
  fields: LimitField<N>[],
  texts: Record<N, BoundTexts>,
  bounds: Record<N, Bounds>,
  wrong: Wrong,
  prefix: string,
  asChange: (part: object) => unknown,
): Partial<Record<N, Partial<Bounds>>> {
  const changes: Partial<Record<N, Partial<Bounds>>> = {};
  for (const field of fields) {
    const { name } = field;
    const values = { ...bounds[name] };
    const changed: Partial<Bounds> = {};
    for (const part of ["default", "maximum"] as const) {
      // What was not touched keeps its exact value: its words may be shorter than it.
      if (texts[name][part] === field.write(bounds[name][part])) continue;
      const read = field.read(texts[name][part]);
      const refused =
        read === null
          ? t("Write {example}.", { example: field.example })
          : outOfBounds(asChange({ [name]: { [part]: read } }), field);
      if (refused !== null) wrong[`${prefix}${name}.${part}`] = refused;
      if (read === null) continue;
      if (read !== values[part]) changed[part] = read;
      values[part] = read;
    }
    if (Object.keys(changed).length > 0) changes[name] = changed;
    const [usual, most] = [`${prefix}${name}.default`, `${prefix}${name}.maximum`];
    if (values.default > values.maximum && !wrong[usual] && !wrong[most])
      wrong[usual] = t("At most {limit}, the maximum beside it.", {
        limit: field.write(values.maximum),
      });
  }
  return changes;
}

function readJobNumbers(
  { jobs: texts }: SettingsTexts,
  { jobs }: Settings,
  wrong: Wrong,
): Partial<Record<JobNumber, number>> {
  const changes: Partial<Record<JobNumber, number>> = {};
  for (const field of JOB_NUMBERS) {
    const { name } = field;
    if (texts[name] === field.write(jobs[name])) continue;
    const read = field.read(texts[name]);
    const refused =
      read === null
        ? t("Write {example}.", { example: field.example })
        : outOfBounds({ jobs: { [name]: read } }, field);
    if (refused !== null) wrong[`jobs.${name}`] = refused;
    else if (read !== null && read !== jobs[name]) changes[name] = read;
  }
  return changes;
}

/** What the API would refuse, in words; null when it would not. The bounds are those of the contract. */
function outOfBounds(change: unknown, { write }: LimitField): string | null {
  const checked = Change.safeParse(change);
  if (checked.success) return null;
  const issue = checked.error.issues[0];
  if (issue?.code === "too_big")
    return t("At most {limit}.", { limit: write(Number(issue.maximum)) });
  if (issue?.code === "too_small")
    return t("At least {limit}.", { limit: write(Number(issue.minimum)) });
  return issue?.message ?? t("This cannot be set.");
}
