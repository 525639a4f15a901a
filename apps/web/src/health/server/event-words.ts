/** Events in words, and where each leads. */
import { EVENT_TYPES, type HealthEvent } from "@quern/contract/health/events";
import type { LocationQueryRaw, RouteLocationRaw } from "vue-router";
import { language, t } from "../../i18n/language.ts";
import { paths } from "../../paths.ts";
import { ruleText } from "../findings/rule-texts.ts";
import { settingWords } from "./settings.ts";

type EventType = (typeof EVENT_TYPES)[number];
type Look = { name: string; icon: string; color: string };

const QUIET = "text-muted";
const LOOKS: Record<EventType, Look> = {
  restart: { name: t("Restart"), icon: "i-lucide-power", color: "text-warning" },
  crash: { name: t("Crash"), icon: "i-lucide-flame", color: "text-error" },
  failover: { name: t("Failover"), icon: "i-lucide-shuffle", color: "text-error" },
  statistics_reset: { name: t("Statistics reset"), icon: "i-lucide-eraser", color: "text-warning" },
  statements_reset: { name: t("Statements reset"), icon: "i-lucide-eraser", color: "text-warning" },
  setting: { name: t("Setting"), icon: "i-lucide-sliders-horizontal", color: "text-info" },
  schema: { name: t("Schema"), icon: "i-lucide-table-properties", color: "text-info" },
  version: { name: t("Version"), icon: "i-lucide-arrow-up-circle", color: "text-info" },
  extension: { name: t("Extension"), icon: "i-lucide-puzzle", color: "text-info" },
  gap: { name: t("Gap"), icon: "i-lucide-unplug", color: "text-warning" },
  clock_step: { name: t("Clock set"), icon: "i-lucide-clock", color: "text-warning" },
  agent: { name: t("Agent"), icon: "i-lucide-radio", color: QUIET },
  finding: { name: t("Finding"), icon: "i-lucide-stethoscope", color: "text-error" },
  deploy: { name: t("Deploy"), icon: "i-lucide-rocket", color: "text-primary" },
  note: { name: t("Note"), icon: "i-lucide-sticky-note", color: QUIET },
};

/** How an event of `type` looks; one that this app does not know is called by its name. */
export function eventLook(type: string): Look {
  return (
    (LOOKS as Record<string, Look>)[type] ?? {
      name: type,
      icon: "i-lucide-circle-dot",
      color: QUIET,
    }
  );
}

/** Types in the order of the list, those that are not known last. */
export function typesInOrder(types: readonly string[]): string[] {
  const known: readonly string[] = EVENT_TYPES;
  const place = (type: string) => (known.includes(type) ? known.indexOf(type) : known.length);
  return [...types].sort((left, right) => place(left) - place(right) || left.localeCompare(right));
}

const text = (value: unknown): string | null =>
  typeof value === "string" && value !== ""
    ? value
    : typeof value === "number"
      ? String(value)
      : null;

/** One sentence that says what happened. */
export function eventTitle({ type, subject, details }: HealthEvent): string {
  const about = subject ?? "";
  switch (type) {
    case "restart":
      return t("The server was restarted");
    case "crash":
      return t("The server crashed and came back");
    case "failover":
      return t("Another server took over");
    case "statistics_reset":
      return t("Statistics of {database} were reset", { database: about });
    case "statements_reset":
      return t("pg_stat_statements was reset");
    case "setting":
      return t("{name}: {before} became {after}", { name: about, ...settingValues(details) });
    case "schema":
      return schemaTitle(subject, details);
    case "version":
      return t("Version {before} became {after}", versionsOf(details));
    case "gap":
      return t("Nothing came for a while");
    case "clock_step":
      return t("A clock was set");
    case "finding":
      return ruleText(text(details.title) ?? about);
    default:
      return about === "" ? eventLook(type).name : about;
  }
}

function settingValues(details: HealthEvent["details"]): { before: string; after: string } {
  const words = (value: unknown) => settingWords({ value: text(value), unit: text(details.unit) });
  return { before: words(details.before), after: words(details.after) };
}

const SHORT_VERSION = /\d+(\.\d+)*/;
function versionsOf(details: HealthEvent["details"]): { before: string; after: string } {
  const short = (value: unknown) => SHORT_VERSION.exec(text(value) ?? "")?.[0] ?? "?";
  return { before: short(details.before), after: short(details.after) };
}

function schemaTitle(subject: string | null, { count, changes }: HealthEvent["details"]): string {
  const first = Array.isArray(changes)
    ? (changes[0] as Record<string, unknown> | undefined)
    : undefined;
  if (subject !== null && first !== undefined) {
    const name = subject;
    if (first.change === "added") return t("{name} was added", { name });
    if (first.change === "removed") return t("{name} was removed", { name });
    return t("{name} was changed", { name });
  }
  return t("{n} change of the schema | {n} changes of the schema", { n: Number(count) || 0 });
}

/** More about it, a short line each. */
export function eventDetails({ type, subject, details }: HealthEvent): string[] {
  if (type === "finding") return subject === null ? [] : [subject];
  if (type === "schema" && subject === null && Array.isArray(details.changes)) {
    const named = details.changes.flatMap((each: unknown) => {
      const { object } = each as { object?: unknown };
      return typeof object === "string" ? [object] : [];
    });
    const more = (Number(details.count) || 0) - SHOWN;
    return [
      named.slice(0, SHOWN).join(", ") +
        (more > 0 ? ` ${t("and {count} more", { count: more })}` : ""),
    ];
  }
  if (type === "deploy" || type === "note")
    return Object.entries(details).map(
      ([name, value]) => `${name}: ${text(value) ?? JSON.stringify(value)}`,
    );
  return [];
}
const SHOWN = 5;

/** The page that says more about it; null where there is none. */
export function eventPlace(
  event: HealthEvent,
  database_id: string,
  link: LocationQueryRaw,
): { to: RouteLocationRaw; words: string } | null {
  const { type, subject, details, at } = event;
  const id = event.database?.id ?? database_id;
  const to = (tab: string, query: LocationQueryRaw) =>
    paths.database(id, tab, { ...link, ...query });
  switch (type) {
    case "setting":
      return { to: to("settings", { search: subject }), words: t("Its history") };
    case "schema":
      return { to: to("schema", { at, before: justBefore(at) }), words: t("What differs") };
    case "finding": {
      const finding = text(details.finding_id);
      return finding === null ? null : { to: paths.finding(finding), words: t("The finding") };
    }
    case "crash":
    case "restart":
    case "failover":
      return { to: to("sessions", { at: justBefore(at) }), words: t("Sessions just before") };
    case "deploy":
      return {
        to: to("overview", { range: undefined, ...around(at) }),
        words: t("The hours around it"),
      };
    default:
      return null;
  }
}

const justBefore = (at: string): string => new Date(Date.parse(at) - 1).toISOString();
const HOUR_MS = 3_600_000;
function around(at: string): { from: string; to: string } {
  const time = Date.parse(at);
  return {
    from: new Date(time - 2 * HOUR_MS).toISOString(),
    to: new Date(Math.min(time + 4 * HOUR_MS, Math.max(Date.now(), time + HOUR_MS))).toISOString(),
  };
}

const DAY = new Intl.DateTimeFormat(language, {
  ...{ weekday: "long", day: "numeric", month: "long", year: "numeric" },
} as const);

/** Events by day in the viewer's zone, in the order in which they come. */
export function eventDays(
  events: readonly HealthEvent[],
): { day: string; events: HealthEvent[] }[] {
  const days: { day: string; events: HealthEvent[] }[] = [];
  for (const event of events) {
    const day = DAY.format(new Date(event.at));
    const last = days.at(-1);
    if (last?.day === day) last.events.push(event);
    else days.push({ day, events: [event] });
  }
  return days;
}
