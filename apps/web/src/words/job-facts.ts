import type { Job } from "@quern/contract/jobs";
import { t } from "../i18n/language.ts";
import { formatByteLimit } from "./bytes.ts";
import { formatCount } from "./count.ts";
import { formatDuration } from "./duration.ts";
import { exactInstant, formatAge, formatSecond } from "./instants.ts";
import type { Fact } from "./run-facts.ts";
import { TRIGGER_WORDS } from "./runs.ts";

const CLONES = {
  reflink: t("reflink: blocks are shared"),
  overlay: t("overlay: what changes is written aside"),
  copy: t("copy"),
};

/** What a job's page says beside its stages and its state. */
export function jobFacts(job: Job, now: number): Fact[] {
  const { metrics } = job;
  const fact = (name: string, value: string | null | undefined, title?: string): Fact[] =>
    value ? [{ name, value, ...(title ? { title } : {}) }] : [];
  const took = (ms: number | null | undefined) => (ms == null ? null : formatDuration(ms));
  return [
    ...fact(t("Created"), formatSecond(job.created_at, now), exactInstant(job.created_at)),
    ...fact(t("By"), job.created_by?.name ?? t("Somebody who left")),
    ...fact(t("Asked for"), TRIGGER_WORDS[job.trigger]),
    ...(job.user && job.user.id !== job.created_by?.id ? fact(t("For"), job.user.name) : []),
    ...fact(t("Request"), job.request_id),
    ...fact(t("In the queue"), took(metrics?.queue_ms)),
    ...fact(t("Build"), took(metrics?.build_ms)),
    ...fact(t("Start of PostgreSQL"), startWords(metrics)),
    ...fact(t("Head"), took(metrics?.head_ms)),
    ...(metrics?.clone ? fact(t("Instance made by"), CLONES[metrics.clone]) : []),
    ...fact(t("PostgreSQL"), environmentWords(job)),
    ...fact(t("Timeout of each file"), formatDuration(job.limits.timeout_ms)),
    ...fact(t("Rows at most"), formatCount(job.limits.max_rows)),
    ...fact(t("Bytes at most"), formatByteLimit(job.limits.max_bytes)),
    ...(job.attempt > 1 ? fact(t("Attempts"), formatCount(job.attempt)) : []),
    ...fact(t("Sandbox process"), job.sandbox),
    ...fact(t("Expires"), formatAge(job.expires_at, now), exactInstant(job.expires_at)),
  ];
}

function startWords(metrics: Job["metrics"]): string | null {
  if (metrics?.boot_ms == null) return null;
  const ms = formatDuration(metrics.boot_ms);
  return metrics.warm ? t("{ms}, was started ahead", { ms }) : ms;
}

function environmentWords({ environment }: Pick<Job, "environment">): string | null {
  const words = [
    environment.engine_version === undefined ? "" : String(environment.engine_version),
    ...(environment.extensions ?? []),
  ].filter(Boolean);
  return words.length === 0 ? null : words.join(", ");
}
