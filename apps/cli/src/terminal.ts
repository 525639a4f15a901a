/** Where data, words and progress go: data to stdout, everything else to stderr. */
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import type { Writable } from "node:stream";
import { type Colours, coloursOf } from "./colours.ts";

export type Terminal = {
  /** Data, on stdout; resolves when more may be written. */
  out(data: string | Uint8Array): Promise<void>;
  /** A line for people, on stderr. */
  say(line: string): void;
  /** What goes on now, in one line that is written over; null takes it away. On a terminal only. */
  progress(text: string | null): void;
  /** Of stdout. */
  isTTY: boolean;
  columns: number;
  /** Colours of stdout and of stderr: those of a terminal, or none. */
  colours: { out: Colours; err: Colours };
};

type Output = Writable & { isTTY?: boolean; columns?: number };

const FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏";
const FRAME_MS = 100;

export function openTerminal(options: { colours: boolean; stdout?: Output; stderr?: Output }) {
  const { stdout = process.stdout, stderr = process.stderr } = options;
  const spinner = stderr.isTTY ? openSpinner(stderr) : null;
  // `quern … | head`: the reader has what it wanted.
  const leaveQuietly = (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    process.exit(0);
  };
  stdout.on("error", leaveQuietly);
  stderr.on("error", leaveQuietly);
  const terminal: Terminal = {
    async out(data) {
      if (stdout.isTTY) spinner?.hide();
      if (!stdout.write(data)) await once(stdout, "drain");
    },
    say(line) {
      spinner?.hide();
      stderr.write(`${line}\n`);
    },
    progress(text) {
      spinner?.show(text);
    },
    isTTY: stdout.isTTY === true,
    columns: stdout.columns || 80,
    colours: {
      out: coloursOf(options.colours && stdout.isTTY === true),
      err: coloursOf(options.colours && stderr.isTTY === true),
    },
  };
  return terminal;
}

/** A line that turns while something goes on. */
function openSpinner(output: Output) {
  let shown: string | null = null;
  let visible = false;
  let frame = 0;
  let timer: NodeJS.Timeout | undefined;
  const hide = () => {
    if (visible) output.write("\r\u001b[2K");
    visible = false;
  };
  const draw = () => {
    if (shown === null) return;
    const line = `${FRAMES[frame++ % FRAMES.length]} ${shown}`;
    output.write(`\r\u001b[2K${line.slice(0, (output.columns || 80) - 1)}`);
    visible = true;
  };
  return {
    hide,
    show(text: string | null) {
      shown = text;
      if (text === null) {
        clearInterval(timer);
        timer = undefined;
        hide();
      } else if (timer === undefined) {
        // What ends before the first frame shows nothing at all.
        timer = setInterval(draw, FRAME_MS);
        timer.unref();
      }
    },
  };
}

/** Writes to a file what otherwise goes to stdout. `close` resolves when it is on disk; throws the file's error. */
export async function openOutput(path: string) {
  const stream = createWriteStream(path);
  await once(stream, "open");
  return {
    async out(data: string | Uint8Array) {
      if (!stream.write(data)) await once(stream, "drain");
    },
    async close() {
      stream.end();
      await once(stream, "close");
    },
  };
}
