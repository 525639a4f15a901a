/** Values of settings in words, what they were at a time, and what differs between two. */
import type { Setting } from "@quern/contract/health/server";
import { t } from "../../i18n/language.ts";
import { formatCount, formatDecimal } from "../../words/count.ts";
import { formatDuration } from "../../words/duration.ts";

const KB = 1024;
/** Units of pg_settings; its kB is 1,024 bytes. */
const BYTES: Record<string, number> = { B: 1, kB: KB, MB: KB ** 2, GB: KB ** 3, TB: KB ** 4 };
const MS: Record<string, number> = {
  ...{ us: 0.001, ms: 1, s: 1_000, min: 60_000, h: 3_600_000, d: 86_400_000 },
};

/** A unit with a number before it is so many of them: 8kB pages, 16MB segments. */
function unitOf(unit: string | null): { factor: number; bytes?: number; ms?: number } | null {
  const match = /^(\d*)([a-zA-Z]+)$/.exec(unit ?? "");
  if (match === null) return null;
  const factor = match[1] === "" ? 1 : Number(match[1]);
  const bytes = BYTES[match[2]!];
  const ms = MS[match[2]!];
  if (bytes !== undefined) return { factor, bytes: bytes * factor };
  return ms === undefined ? null : { factor, ms: ms * factor };
}

const NUMBER = /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i;

type Valued = Pick<Setting, "value" | "unit">;

/** The bytes that a setting stands for; null when it is none, -1 where that is its value. */
export function settingBytes({ value, unit }: Valued): number | null {
  const bytes = unitOf(unit)?.bytes;
  if (bytes === undefined || value === null || !NUMBER.test(value)) return null;
  return Number(value) < 0 ? Number(value) : Number(value) * bytes;
}

const BINARY: [number, string][] = [
  ...([
    [KB ** 4, "TiB"],
    [KB ** 3, "GiB"],
    [KB ** 2, "MiB"],
    [KB, "KiB"],
  ] as [number, string][]),
];

function bytesWords(bytes: number): string {
  const unit = BINARY.find(([size]) => bytes >= size);
  if (unit === undefined) return `${formatCount(bytes)} B`;
  const value = bytes / unit[0];
  return `${Number.isInteger(value) ? formatCount(value) : formatDecimal(value, 1)} ${unit[1]}`;
}

/** `1048576` of 8kB is `8 GiB`, `300000` ms is `5 min`, `on`; a value that is hidden says so. */
export function settingWords({ value, unit }: Valued): string {
  if (value === null) return t("hidden");
  if (value === "") return t("empty");
  if (!NUMBER.test(value)) return value;
  const bytes = settingBytes({ value, unit });
  // -1 and 0 mean something else in each setting.
  if (bytes !== null && bytes > 0) return bytesWords(bytes);
  const ms = unitOf(unit)?.ms;
  if (ms !== undefined && Number(value) > 0) return formatDuration(Number(value) * ms);
  if (!/^-?\d+$/.test(value)) return value;
  // Some are as large as 64 bits are: no number of JavaScript's.
  const count = formatCount(BigInt(value));
  return unit === null || Number(value) <= 0 ? count : `${count} ${unit}`;
}

/** As it stands in postgresql.conf, where that is another than the words. */
export function settingAsWritten({ value, unit }: Valued): string | null {
  if (value === null || value === "" || !NUMBER.test(value)) return null;
  const written =
    unit === null ? value : /^\d/.test(unit) ? `${value} × ${unit}` : `${value} ${unit}`;
  return written === settingWords({ value, unit }) ? null : written;
}

export const isDefault = ({ value, default_value }: Setting): boolean =>
  value === default_value || default_value === null;

type Held = { value: string | null; from_at: string; until_at: string | null };

/** The history of values alone, the newest first: what only changed its source or waits for a restart is no new value. */
export function valuesHeld({ history }: Pick<Setting, "history">): Held[] {
  const held: Held[] = [];
  for (const each of history) {
    const later = held.at(-1);
    if (later !== undefined && later.value === each.value) later.from_at = each.from_at;
    else held.push({ ...each });
  }
  return held;
}

export const ONLY = ["changed", "not_default", "pending_restart"] as const;
export type Only = (typeof ONLY)[number];
const FITS: Record<Only, (setting: Setting) => boolean> = {
  changed: (setting) => valuesHeld(setting).length > 1,
  not_default: (setting) => !isDefault(setting),
  pending_restart: ({ pending_restart }) => pending_restart,
};
export const fits = (setting: Setting, only: Only): boolean => FITS[only](setting);

type SettingGroup = { category: string; settings: Setting[] };

/** Those that fit all of `only` and `search`, by category. */
export function settingGroups(
  settings: readonly Setting[],
  { search, only }: { search: string; only: readonly Only[] },
): SettingGroup[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const groups = new Map<string, Setting[]>();
  for (const setting of settings) {
    const text = `${setting.name} ${setting.category ?? ""} ${setting.value ?? ""}`.toLowerCase();
    if (!words.every((word) => text.includes(word)) || !only.every((each) => fits(setting, each)))
      continue;
    const category = setting.category ?? t("Other");
    const group = groups.get(category);
    if (group === undefined) groups.set(category, [setting]);
    else group.push(setting);
  }
  return [...groups].map(([category, settings]) => ({ category, settings }));
}

/** What `setting` was at a time; undefined before it was first seen. */
function valueAt({ history }: Pick<Setting, "history">, at: number): string | null | undefined {
  return history.find(({ from_at }) => Date.parse(from_at) <= at)?.value;
}

type SettingDifference = {
  setting: Setting;
  before: string | null;
  after: string | null;
};

/** Settings that were another at `before` than at `after` (ms); one that was not seen yet at the first is none. */
export function settingDifferences(
  settings: readonly Setting[],
  before: number,
  after: number,
): SettingDifference[] {
  return settings.flatMap((setting) => {
    const [old, now] = [valueAt(setting, before), valueAt(setting, after)];
    if (old === undefined || now === undefined || old === now) return [];
    return [{ setting, before: old, after: now }];
  });
}

/** Times at which a value changed, the newest first: what a comparison can begin with. */
export function changeTimes(settings: readonly Setting[]): { at: string; settings: string[] }[] {
  const times = new Map<string, string[]>();
  for (const setting of settings)
    for (const { from_at } of valuesHeld(setting).slice(0, -1))
      times.set(from_at, [...(times.get(from_at) ?? []), setting.name]);
  return [...times]
    .map(([at, settings]) => ({ at, settings }))
    .sort((left, right) => Date.parse(right.at) - Date.parse(left.at));
}

/** What it takes for a change to count, by the `context` of pg_settings. */
export function contextWords(context: string | null): string | null {
  switch (context) {
    case "internal":
      return t("cannot be changed");
    case "postmaster":
      return t("takes a restart");
    case "sighup":
      return t("takes a reload");
    case "superuser-backend":
    case "backend":
      return t("for new sessions");
    case "superuser":
      return t("by superusers, at once");
    case "user":
      return t("by anybody, at once");
    default:
      return context;
  }
}
