import { createHash } from "node:crypto";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { readBlob } from "@quern/contract/blobs";
import { ProblemError } from "@quern/contract/client";
import { Problem } from "@quern/contract/problem";
import { checkTree } from "@quern/contract/project-tree";
import { changeProject, createProject, listProjects, readProject } from "@quern/contract/projects";
import { CliError, EXIT, systemCode } from "../faults.ts";
import { collect } from "../folder/collect.ts";
import { openFolder } from "../folder/send.ts";
import { listTable } from "../formats/table.ts";
import { duration, parseNumber, relative, size } from "../formats/times.ts";
import { findProject } from "../jobs/asked.ts";
import { type Context, command } from "./command.ts";

export const projectList = command({
  name: ["project", "list"],
  takes: "[WORDS]",
  count: { min: 0, max: 20 },
  summary: "Projects saved in Quern",
  options: {
    limit: { type: "string", short: "n", value: "N", words: "So many; 50 when left out" },
    json: { type: "boolean", words: "As JSON" },
  },
  async run({ options, positionals, context: { client, terminal } }) {
    const limit = parseNumber("limit", options.limit ?? "50", { min: 1, max: 200 });
    const search = positionals.join(" ");
    const { items } = await client.call(listProjects, {
      query: { limit, ...(search === "" ? {} : { search }) },
    });
    if (options.json) {
      await terminal.out(`${JSON.stringify(items, null, 2)}\n`);
      return EXIT.ok;
    }
    const rows = items.map(({ name, version, files, bytes, last_job, updated_at }) => [
      name,
      String(version),
      String(files),
      size(bytes),
      last_job === null
        ? ""
        : `${last_job.status}${last_job.duration_ms === null ? "" : ` in ${duration(last_job.duration_ms)}`}`,
      relative(updated_at),
    ]);
    const heads = ["name", "version", "files", "size", "last job", "changed"];
    await terminal.out(listTable(heads, rows, terminal.colours.out));
    return EXIT.ok;
  },
});

export const projectPush = command({
  name: ["project", "push"],
  takes: "[PATH]",
  count: { min: 0, max: 1 },
  summary: "Save a folder as a project in Quern, or as a new version of one",
  options: {
    name: { type: "string", value: "NAME", words: "Of the project; it is made when there is none" },
    message: { type: "string", short: "m", value: "TEXT", words: "What this version is about" },
  },
  async run({ options, positionals, context }) {
    const { client, terminal } = context;
    if (options.name === undefined)
      throw new CliError("Say which project: --name NAME", EXIT.usage);
    const files = await collect(positionals[0] ?? ".");
    const folder = openFolder({ ...context, signal: context.interrupts.signal }, files);
    const existing = await idOf(context, options.name);
    const message = options.message === undefined ? {} : { message: options.message };
    if (existing === null) {
      const name = options.name;
      const made = await folder.send((project_tree) =>
        client.call(createProject, { body: { name, project_tree, ...message } }),
      );
      terminal.say(`Made ${made.name} with ${made.files} files`);
      return EXIT.ok;
    }
    const { version, tree } = await client.call(readProject, { params: { id: existing } });
    const same =
      Object.keys(tree).length === files.length &&
      files.every(({ path, digest }) => tree[path]?.etag === digest);
    if (same) {
      terminal.say(`Nothing changed since version ${version}`);
      return EXIT.ok;
    }
    const changed = await folder.send((project_tree) =>
      client.call(changeProject, {
        params: { id: existing },
        body: { version, project_tree, ...message },
      }),
    );
    terminal.say(`Saved version ${changed.version} of ${changed.name}, ${changed.files} files`);
    return EXIT.ok;
  },
});

export const projectPull = command({
  name: ["project", "pull"],
  takes: "NAME FOLDER",
  count: { min: 2, max: 2 },
  summary: "Write the files of a saved project into a folder",
  options: {
    version: { type: "string", value: "N", words: "An earlier version" },
    force: {
      type: "boolean",
      words: "Into a folder that has files; those of the same name are written over",
    },
  },
  async run({ options, positionals, context }) {
    const [name, folder] = positionals as [string, string];
    const { client, terminal } = context;
    const { id } = await findProject(context, name);
    const version =
      options.version === undefined
        ? {}
        : { version: parseNumber("version", options.version, { min: 1, max: 1_000_000_000 }) };
    const { tree } = await client.call(readProject, { params: { id }, query: version });
    // Whatever a server says: nothing is written outside of the folder.
    const [wrong] = checkTree(Object.keys(tree));
    if (wrong)
      throw new CliError(
        `The server named a path that cannot be written: ${wrong.path} ${wrong.message}`,
      );
    if (!options.force && (await hasFiles(folder)))
      throw new CliError(
        `${folder} has files in it; --force writes into it all the same`,
        EXIT.usage,
      );
    for (const [path, { etag }] of Object.entries(tree)) {
      const file = join(folder, path);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, await contentOf(context, etag));
    }
    terminal.say(`Wrote ${Object.keys(tree).length} files into ${folder}`);
    return EXIT.ok;
  },
});

async function idOf({ client }: Context, name: string): Promise<string | null> {
  const { items } = await client.call(listProjects, { query: { search: name, limit: 200 } });
  return items.some((item) => item.name === name) ? (await findProject({ client }, name)).id : null;
}

async function hasFiles(folder: string): Promise<boolean> {
  try {
    return (await readdir(folder)).length > 0;
  } catch (error) {
    if (systemCode(error) === "ENOENT") return false;
    throw error;
  }
}

async function contentOf({ client, fetch }: Context, etag: string): Promise<Buffer> {
  const digest = etag.slice("sha256:".length);
  const response = await fetch(client.url(readBlob, { params: { digest } }));
  const bytes = Buffer.from(await response.arrayBuffer());
  if (!response.ok) {
    const problem = Problem.safeParse(JSON.parse(bytes.toString()));
    if (problem.success) throw new ProblemError(problem.data);
    throw new CliError(`A file could not be read: status ${response.status}`);
  }
  if (createHash("sha256").update(bytes).digest("hex") !== digest)
    throw new CliError("A file came broken; run the command again");
  return bytes;
}
