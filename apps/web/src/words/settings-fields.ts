/** What an admin can set, in the order of the page. */
import type { JobLimitName, LimitName } from "@quern/contract/settings";
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

/** A setting for instances that is one number. */
export type InstanceNumber = "max_per_person" | "max_total";
export const INSTANCE_FIELDS: LimitField<"ttl_s">[] = [
  {
    name: "ttl_s",
    label: t("Instances live"),
    help: t("After that an instance is ended, with everything in it, unless it was extended."),
    ...SECONDS,
  },
];
export const INSTANCE_NUMBERS: LimitField<InstanceNumber>[] = [
  {
    name: "max_per_person",
    label: t("Instances of one person"),
    help: t("More are refused until some have ended. 0: nobody keeps any."),
    ...COUNT,
  },
  {
    name: "max_total",
    label: t("Instances of all people"),
    help: t("Each has a PostgreSQL server of its own: what the machine can bear."),
    ...COUNT,
  },
];
