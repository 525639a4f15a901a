/** Reads the control files of extensions, as PostgreSQL does: `name = value` lines, values quoted or not. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

export type ExtensionControl = {
  name: string;
  default_version: string;
  /** Whether the owner of a database may create it (PostgreSQL 13 and later). */
  trusted: boolean;
  requires: string[];
  comment: string;
};

/** All of `folder`, by name. A control file without a default version cannot be created as it is: left out. */
export async function readExtensionControls(folder: string): Promise<ExtensionControl[]> {
  const controls: ExtensionControl[] = [];
  for (const file of (await readdir(folder)).sort()) {
    // hstore--1.8.control are secondary files of one version.
    if (!file.endsWith(".control") || file.includes("--")) continue;
    const control = parseControl(await readFile(join(folder, file), "utf8"));
    const version = control.get("default_version");
    if (version === undefined) continue;
    controls.push({
      name: file.slice(0, -".control".length),
      default_version: version,
      trusted: control.get("trusted") === "true",
      requires: (control.get("requires") ?? "")
        .split(",")
        .map((name) => name.trim())
        .filter((name) => name !== ""),
      comment: control.get("comment") ?? "",
    });
  }
  return controls;
}

export function parseControl(text: string): Map<string, string> {
  const values = new Map<string, string>();
  for (const line of text.split("\n")) {
    const match = /^\s*([a-z_]+)\s*=?\s*(?:'((?:[^']|'')*)'|([^\s#']+))\s*(?:#.*)?$/.exec(line);
    if (match === null) continue;
    const [, name, quoted, bare] = match;
    values.set(name!, quoted?.replaceAll("''", "'") ?? bare!);
  }
  return values;
}
