/** A finding as Markdown, to paste into an issue. */
import type { Evidence, Finding } from "@quern/contract/health/findings";

/** Titles, evidence with thresholds, the fix. Names of the database's are in code, so that none is markup. */
export function findingMarkdown(finding: Finding): string {
  const { title, severity, database, object, fix, window } = finding;
  const lines = [
    `# ${title}`,
    "",
    `- Severity: **${severity}** (confidence: ${finding.confidence})`,
    `- Database: ${code(database.name)} on ${code(database.server_name)}`,
    ...(object === "" ? [] : [`- Object: ${code(object)}`]),
    `- First seen ${finding.first_seen_at}, last seen ${finding.last_seen_at}`,
    ...(finding.resolved_at === null ? [] : [`- Resolved ${finding.resolved_at}`]),
    ...(window === null ? [] : [`- Window: ${window.from} to ${window.to}`]),
    "",
    finding.explanation,
    "",
    "| Evidence | Value | Threshold |",
    "|---|---|---|",
    ...finding.evidence.map(row),
    "",
    `Thresholds: ${finding.source}`,
    ...(fix === null ? [] : ["", "## Fix", "", fix.words]),
    ...(fix?.sql ? ["", ...fenced(fix.sql)] : []),
  ];
  return `${lines.join("\n")}\n`;
}

function row({ key, value, unit, threshold }: Evidence): string {
  const shown = value === null ? "unknown" : printed(value, unit);
  const limit = threshold == null ? "" : printed(threshold, unit);
  return `| ${key.replaceAll("_", " ")} | ${shown} | ${limit} |`;
}

function printed(value: NonNullable<Evidence["value"]>, unit: Evidence["unit"]): string {
  if (typeof value !== "number") return code(String(value).replaceAll("\n", " "), true);
  if (unit === "ratio") return `${(value * 100).toFixed(1)} %`;
  if (unit === "bytes") return bytes(value);
  const digits = Number.isInteger(value) ? String(value) : value.toPrecision(4);
  const words: Partial<Record<Evidence["unit"], string>> = {
    ms: " ms",
    seconds: " s",
    xids: " transactions",
  };
  return `${digits}${words[unit] ?? ""}`;
}

function bytes(value: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  const power = Math.min(
    units.length - 1,
    Math.max(0, Math.floor(Math.log2(Math.max(1, Math.abs(value))) / 10)),
  );
  return `${power === 0 ? value : (value / 1024 ** power).toFixed(1)} ${units[power]}`;
}

/** In as many backticks as its own text needs. In a table, bars end a cell even there. */
function code(text: string, inTable = false): string {
  const ticks = "`".repeat(longestRun(text) + 1);
  const pad = /^`|`$/.test(text) ? " " : "";
  const safe = inTable ? text.replaceAll("|", "\\|") : text;
  return `${ticks}${pad}${safe.replaceAll("\n", " ")}${pad}${ticks}`;
}

function fenced(sql: string): string[] {
  const fence = "`".repeat(Math.max(3, longestRun(sql) + 1));
  return [`${fence}sql`, sql, fence];
}

function longestRun(text: string): number {
  return Math.max(0, ...(text.match(/`+/g) ?? []).map((run) => run.length));
}
