/** What the person who typed `make up` sees: a line for each step, alive while it works. */

import { errorCode } from "./problem.ts";

export type Terminal = {
  /** Shows `name` while `work` runs, then a tick or a cross and the seconds it took. */
  step<T>(name: string, work: (detail: (text: string) => void) => Promise<T>): Promise<T>;
  /** A line of its own. */
  say(text: string): void;
};

type Output = {
  isTTY?: boolean;
  columns?: number;
  write(text: string): unknown;
  on?(event: "error", listener: (error: Error) => void): unknown;
};

const FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏";
const FRAME_MS = 100;
/** Without a terminal that can redraw, a step that lasts this long is announced while it runs. */
const ANNOUNCE_AFTER_MS = 2000;

export function openTerminal(output: Output = process.stdout): Terminal {
  let redraw: (() => void) | null = null;
  // Whoever listened has gone (a closed pipe or window); Quern runs on, and its logs are in files.
  output.on?.("error", (error) => {
    const code = errorCode(error);
    if (code !== "EPIPE" && code !== "EIO") throw error;
  });
  const clearLine = output.isTTY ? "\r\u001b[2K" : "";
  const write = (text: string) => {
    output.write(`${clearLine}${text}\n`);
    redraw?.();
  };
  return {
    say: write,
    async step(name, work) {
      const began = Date.now();
      let detail = "";
      let frame = 0;
      const draw = () => {
        const seconds = ((Date.now() - began) / 1000).toFixed(1);
        const text = `  ${FRAMES[frame % FRAMES.length]} ${name}  ${seconds} s  ${detail}`;
        output.write(`${clearLine}${text.slice(0, (output.columns ?? 80) - 1)}`);
      };
      const timer = output.isTTY
        ? setInterval(() => {
            frame++;
            draw();
          }, FRAME_MS)
        : setTimeout(() => output.write(`  … ${name}\n`), ANNOUNCE_AFTER_MS);
      redraw = output.isTTY ? draw : null;
      redraw?.();
      const end = (mark: string) => {
        clearInterval(timer);
        redraw = null;
        const seconds = ((Date.now() - began) / 1000).toFixed(1);
        write(`  ${mark} ${name.padEnd(24)} ${seconds} s${detail && `  ${detail}`}`);
      };
      try {
        const value = await work((text) => {
          detail = text;
        });
        end("✓");
        return value;
      } catch (error) {
        end("✗");
        throw error;
      }
    },
  };
}
