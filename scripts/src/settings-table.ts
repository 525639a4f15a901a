import type { z } from "zod";

const START = "<!-- settings -->";
const END = "<!-- /settings -->";

/** The settings of each process, by its name; the first that has a setting describes it. */
export type SettingsOfProcesses = Record<string, z.ZodObject>;

/** README text with the table of settings between its two markers; throws when a marker is missing. */
export function withSettingsTable(readme: string, processes: SettingsOfProcesses): string {
  const start = readme.indexOf(START);
  const end = readme.indexOf(END);
  if (start < 0 || end < start) throw new Error(`README.md lacks ${START} … ${END}`);
  return `${readme.slice(0, start + START.length)}\n${table(processes)}\n${readme.slice(end)}`;
}

function table(processes: SettingsOfProcesses): string {
  const names = new Set(Object.values(processes).flatMap(({ shape }) => Object.keys(shape)));
  const rows = [...names].sort().map((name) => row(name, processes));
  return ["| setting | default | read by | meaning |", "|---|---|---|---|", ...rows].join("\n");
}

function row(name: string, processes: SettingsOfProcesses): string {
  const owners = Object.entries(processes).filter(([, { shape }]) => name in shape);
  const fields = owners.map(([process, { shape }]) => {
    const field = shape[name] as z.ZodType;
    return { process, description: field.description ?? "", ...whenAbsent(field) };
  });
  const cells = [
    `\`${name}\``,
    defaultsOf(fields),
    fields.map(({ process }) => process).join(", "),
    fields[0]!.description,
  ];
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}

type Absent = { required: boolean; value: string };

/** A field that accepts nothing gives its default; one that is required refuses. */
function whenAbsent(field: z.ZodType): Absent {
  const parsed = field.safeParse(undefined);
  if (!parsed.success) return { required: true, value: "" };
  return { required: false, value: parsed.data === undefined ? "" : String(parsed.data) };
}

/** Processes that pass a setting on have no default of their own, so the first one there is counts. */
function defaultsOf(fields: (Absent & { process: string })[]): string {
  const required = fields.filter((field) => field.required).map(({ process }) => process);
  if (required.length === fields.length) return "required";
  const value = fields.find((field) => field.value !== "")?.value;
  return [
    ...(value === undefined ? [] : [`\`${value}\``]),
    ...(required.length === 0 ? [] : [`required by ${required.join(", ")}`]),
  ].join("; ");
}
