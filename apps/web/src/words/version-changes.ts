import type { QueryVersion } from "@quern/contract/queries";
import { t } from "../i18n/language.ts";
import { formatBytes } from "./bytes.ts";
import { formatDuration } from "./duration.ts";

type Content = Omit<QueryVersion, "version" | "created_by" | "created_at">;
/** One thing beside the SQL that is another in the later version: its name, and how it was and is. */
type VersionChange = { what: string; before: string; after: string };

/** What changed between two versions, apart from the SQL, in words. */
export function versionChanges(
  before: Content,
  after: Content,
  datasourceName: (id: string) => string,
): VersionChange[] {
  const none = t("none");
  const limit = (value: number | undefined, say: (value: number) => string) =>
    value === undefined ? t("the usual") : say(value);
  const pairs: VersionChange[] = [
    { what: t("Name"), before: before.name, after: after.name },
    {
      what: t("Description"),
      before: before.description || none,
      after: after.description || none,
    },
    {
      what: t("Datasource"),
      before: datasourceName(before.datasource_id),
      after: datasourceName(after.datasource_id),
    },
    ...parameterChanges(before, after),
    {
      what: t("Time limit"),
      before: limit(before.limits.timeout_ms, formatDuration),
      after: limit(after.limits.timeout_ms, formatDuration),
    },
    {
      what: t("Row limit"),
      before: limit(before.limits.max_rows, (n) => t("{n} row | {n} rows", { n })),
      after: limit(after.limits.max_rows, (n) => t("{n} row | {n} rows", { n })),
    },
    {
      what: t("Size limit"),
      before: limit(before.limits.max_bytes, formatBytes),
      after: limit(after.limits.max_bytes, formatBytes),
    },
    {
      what: t("Results are kept"),
      before:
        before.result_ttl_s === null ? t("as usual") : formatDuration(before.result_ttl_s * 1000),
      after:
        after.result_ttl_s === null ? t("as usual") : formatDuration(after.result_ttl_s * 1000),
    },
  ];
  return pairs.filter((each) => each.before !== each.after);
}

function parameterChanges(before: Content, after: Content): VersionChange[] {
  const names = [...new Set([...before.params, ...after.params].map(({ name }) => name))];
  return names.map((name) => {
    const say = (content: Content) => {
      const found = content.params.find((each) => each.name === name);
      if (found === undefined) return t("none");
      const { name: _name, ...rest } = found;
      const entries = Object.entries(rest).sort(([a], [b]) => (a < b ? -1 : 1));
      return entries
        .map(
          ([field, value]) =>
            `${field}: ${typeof value === "string" ? value : JSON.stringify(value)}`,
        )
        .join(", ");
    };
    return { what: t("Parameter {name}", { name }), before: say(before), after: say(after) };
  });
}
