import type { ParameterOption } from "@quern/contract/parameters";

/** Options as people write them: `ATL`, `ATL = Atlanta`, one a line. After a value with ` = ` in it another one follows. */
export function optionsText(options: ParameterOption[]): string {
  return options
    .map(({ value, label }) =>
      label === undefined && !value.includes(" = ") ? value : `${value} = ${label ?? ""}`,
    )
    .join("\n");
}

/** Reads what `optionsText` writes. The label comes after the last ` = `; blank lines and repeats are left out. */
export function parseOptions(text: string): ParameterOption[] {
  const options = new Map<string, ParameterOption>();
  for (const line of text.split("\n")) {
    if (line.trim() === "") continue;
    const at = line.lastIndexOf(" = ");
    const value = (at === -1 ? line : line.slice(0, at)).trim();
    const label = at === -1 ? "" : line.slice(at + 3).trim();
    if (options.has(value)) continue;
    options.set(value, label === "" || label === value ? { value } : { value, label });
  }
  return [...options.values()];
}
