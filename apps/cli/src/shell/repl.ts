/** A small psql for machines that have none: statements end at `;`, `\q` leaves, Ctrl-C stops a statement. */
import { createInterface } from "node:readline/promises";
import type { Readable, Writable } from "node:stream";
import type { Cell, Column } from "@quern/contract/results";
import pg from "pg";
import { printable } from "../colours.ts";
import type { Context } from "../commands/command.ts";
import { EXIT, type Exit } from "../faults.ts";
import { table } from "../formats/table.ts";
import { endedStatements } from "./statements.ts";

export type Target = {
  host: string;
  port: number;
  user: string;
  password: string;
  database: string;
  ssl: false | { rejectUnauthorized: boolean };
};

const NUMERIC_OIDS = new Set([20, 21, 23, 26, 700, 701, 1700]);
const HELP =
  "Statements end at a semicolon, on as many lines as you like. \\q or Ctrl-D leaves, Ctrl-C stops a statement. For \\d and its like install psql.";
/** Values as the server writes them. */
const AS_TEXT = { getTypeParser: () => (value: string) => value };

type Streams = { input: Readable & { isTTY?: boolean }; output: Writable };

/**
 * Reads statements until the input ends, runs each and prints what it gives. On a terminal it goes on after an error; from a
 * file or pipe the first error ends it as failed. Throws what connecting throws.
 */
export async function repl(
  target: Target,
  { terminal, interrupts }: Pick<Context, "terminal" | "interrupts">,
  streams: Streams = { input: process.stdin, output: process.stdout },
): Promise<Exit> {
  const client = new pg.Client(target);
  client.on("notice", (notice) => terminal.say(printable(`${notice.severity}: ${notice.message}`)));
  await client.connect();
  let lost: Error | undefined;
  client.on("error", (error) => {
    lost = error;
  });
  const interactive = streams.input.isTTY === true;
  const lines = createInterface({ ...streams, terminal: interactive, historySize: 1000 });
  const session = openSession(client, target, terminal);
  let text = "";
  let failed = false;
  const prompt = () => {
    lines.setPrompt(`${target.database}${text.trim() === "" ? "=>" : "->"} `);
    if (interactive) lines.prompt();
  };
  const stop = () => {
    if (session.isBusy()) return session.cancel();
    text = "";
    if (interactive) streams.output.write("\n");
    prompt();
  };
  lines.on("SIGINT", stop);
  const release = interactive ? interrupts.take(stop) : () => {};
  try {
    if (interactive) terminal.say(`psql is not installed here: a small shell instead. ${HELP}`);
    prompt();
    for await (const line of lines) {
      const command = text.trim() === "" ? line.trim() : "";
      if (command === "\\q" || command === "exit" || command === "quit") break;
      if (command === "\\?" || command === "\\h") terminal.say(HELP);
      else if (command.startsWith("\\")) terminal.say(`There is no ${command} here. ${HELP}`);
      else {
        const { statements, rest } = endedStatements(`${text}${line}\n`);
        text = rest;
        for (const statement of statements) failed = !(await session.run(statement)) || failed;
      }
      if (lost) throw lost;
      if ((failed && !interactive) || interrupts.signal.aborted) break;
      prompt();
    }
    if (!failed && text.trim() !== "" && !interactive) failed = !(await session.run(text));
  } finally {
    release();
    lines.close();
    await client.end();
  }
  if (interrupts.signal.aborted) return EXIT.canceled;
  return failed && !interactive ? EXIT.failed : EXIT.ok;
}

function openSession(client: pg.Client, target: Target, terminal: Context["terminal"]) {
  let busy = false;
  return {
    isBusy: () => busy,
    cancel() {
      cancelBackend(client, target).catch((error: Error) =>
        terminal.say(`The statement could not be stopped: ${error.message}`),
      );
    },
    /** False when the server refused it. */
    async run(text: string): Promise<boolean> {
      busy = true;
      try {
        const given = await client.query({ text, rowMode: "array", types: AS_TEXT });
        // Several statements in one text give several results, though the types say one.
        for (const result of [given].flat()) await print(result, terminal);
        return true;
      } catch (error) {
        if (!(error instanceof pg.DatabaseError)) throw error;
        terminal.say(`${terminal.colours.err.red("ERROR:")} ${printable(error.message)}`);
        const line = error.position === undefined ? null : lineOf(text, Number(error.position));
        if (line !== null) terminal.say(line);
        for (const [name, words] of [
          ["DETAIL", error.detail],
          ["HINT", error.hint],
        ] as const)
          if (words) terminal.say(`${name}: ${printable(words)}`);
        return false;
      } finally {
        busy = false;
      }
    },
  };
}

async function print(result: pg.QueryArrayResult, terminal: Context["terminal"]): Promise<void> {
  if (result.fields.length === 0) {
    const count = result.rowCount === null ? "" : ` ${result.rowCount}`;
    if (result.command) await terminal.out(`${result.command}${count}\n`);
    return;
  }
  const columns: Column[] = result.fields.map(({ name, dataTypeID }) => ({
    name,
    type: NUMERIC_OIDS.has(dataTypeID) ? "numeric" : "text",
    source_type: String(dataTypeID),
  }));
  async function* chunks() {
    yield result.rows as Cell[][];
  }
  const look = { colours: terminal.colours.out, columns: terminal.isTTY ? terminal.columns : null };
  for await (const piece of table(columns, chunks(), look)) await terminal.out(piece);
}

/** The line with the fault and a mark below it, as psql prints them. */
function lineOf(text: string, position: number): string | null {
  const before = text.slice(0, position - 1);
  const start = before.lastIndexOf("\n") + 1;
  const end = text.indexOf("\n", start);
  const number = before.split("\n").length;
  const head = `LINE ${number}: `;
  const line = printable(text.slice(start, end === -1 ? undefined : end));
  return `${head}${line}\n${" ".repeat(head.length + position - 1 - start)}^`;
}

async function cancelBackend(client: pg.Client, target: Target): Promise<void> {
  const { processID } = client as pg.Client & { processID: number };
  const other = new pg.Client(target);
  await other.connect();
  try {
    await other.query("select pg_cancel_backend($1)", [processID]);
  } finally {
    await other.end();
  }
}
