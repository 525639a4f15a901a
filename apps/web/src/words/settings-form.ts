/** The page of settings as texts that a person edits, and what of them is to be saved. */
import type { JobLimitName, LimitName, Settings, SettingsChange } from "@quern/contract/settings";
import { SettingsChange as Change } from "@quern/contract/settings";
import { t } from "../i18n/language.ts";
import { formatCount, parseCount } from "./count.ts";
import {
  INSTANCE_FIELDS,
  INSTANCE_NUMBERS,
  type InstanceNumber,
  JOB_FIELDS,
  JOB_NUMBERS,
  type JobNumber,
  LIMIT_FIELDS,
  type LimitField,
} from "./settings-fields.ts";

type Bounds = { default: number; maximum: number };
type BoundTexts = { default: string; maximum: string };

export type SettingsTexts = Record<LimitName, BoundTexts> & {
  max_queued_per_person: string;
  jobs: Record<JobLimitName, BoundTexts> & Record<JobNumber, string>;
  instances: Record<"ttl_s", BoundTexts> & Record<InstanceNumber, string>;
};

export function settingsTexts(settings: Settings): SettingsTexts {
  const { limits, jobs, instances, max_queued_per_person } = settings;
  return {
    ...boundTexts(LIMIT_FIELDS, limits),
    max_queued_per_person: formatCount(max_queued_per_person),
    jobs: { ...boundTexts(JOB_FIELDS, jobs), ...numberTexts(JOB_NUMBERS, jobs) },
    instances: {
      ...boundTexts(INSTANCE_FIELDS, instances),
      ...numberTexts(INSTANCE_NUMBERS, instances),
    },
  };
}

function boundTexts<N extends string>(fields: LimitField<N>[], bounds: Record<N, Bounds>) {
  return Object.fromEntries(
    fields.map(({ name, write }) => [
      name,
      { default: write(bounds[name].default), maximum: write(bounds[name].maximum) },
    ]),
  ) as Record<N, BoundTexts>;
}

function numberTexts<N extends string>(fields: LimitField<N>[], values: Record<N, number>) {
  return Object.fromEntries(fields.map(({ name, write }) => [name, write(values[name])])) as Record<
    N,
    string
  >;
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
    ...readNumbers(JOB_NUMBERS, texts.jobs, settings.jobs, wrong, "jobs"),
  };
  const instances = {
    ...readBounds(
      INSTANCE_FIELDS,
      texts.instances,
      settings.instances,
      wrong,
      "instances.",
      (part) => ({ instances: part }),
    ),
    ...readNumbers(INSTANCE_NUMBERS, texts.instances, settings.instances, wrong, "instances"),
  };
  const queued = parseCount(texts.max_queued_per_person);
  if (queued === null) wrong.max_queued_per_person = t("Write a count such as 10000.");
  else if (queued < 1 || queued > 1_000_000)
    wrong.max_queued_per_person = t("Between 1 and 1,000,000.");
  const change: SettingsChange = {
    ...(Object.keys(limits).length > 0 ? { limits } : {}),
    ...(Object.keys(jobs).length > 0 ? { jobs } : {}),
    ...(Object.keys(instances).length > 0 ? { instances } : {}),
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

function readNumbers<N extends string>(
  fields: LimitField<N>[],
  texts: Record<N, string>,
  values: Record<N, number>,
  wrong: Wrong,
  group: "jobs" | "instances",
): Partial<Record<N, number>> {
  const changes: Partial<Record<N, number>> = {};
  for (const field of fields) {
    const { name } = field;
    if (texts[name] === field.write(values[name])) continue;
    const read = field.read(texts[name]);
    const refused =
      read === null
        ? t("Write {example}.", { example: field.example })
        : outOfBounds({ [group]: { [name]: read } }, field);
    if (refused !== null) wrong[`${group}.${name}`] = refused;
    else if (read !== null && read !== values[name]) changes[name] = read;
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
