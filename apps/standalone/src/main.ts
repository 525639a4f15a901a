import { readSettings } from "@quern/runtime/settings";
import { inWords } from "./problem.ts";
import { StandaloneSettings } from "./settings.ts";
import { type RunningStandalone, start } from "./standalone.ts";
import { openTerminal } from "./terminal.ts";

const terminal = openTerminal();
const starting = new AbortController();
let running: RunningStandalone | undefined;
let interrupts = 0;

function giveUp(error: unknown): never {
  const words = inWords(error);
  terminal.say("");
  terminal.say(words ?? "Quern stopped because of an error in itself:");
  if (words === null) console.error(error);
  process.exit(1);
}

async function stop(): Promise<void> {
  interrupts++;
  if (interrupts === 1) {
    terminal.say("Stopping; once more to stop at once");
    starting.abort();
    if (!running) return;
    await running.stop();
    process.exit(0);
  }
  if (running) await running.kill();
  process.exit(1);
}

process.on("SIGINT", () => void stop().catch(giveUp));
process.on("SIGTERM", () => void stop().catch(giveUp));
process.on("SIGHUP", () => void stop().catch(giveUp));

try {
  const settings = readSettings(StandaloneSettings, process.env);
  running = await start(settings, { terminal, signal: starting.signal, onLost: giveUp });
  const welcome = [
    "",
    `Quern is ready at ${running.url}`,
    howToSignIn(running, settings.QUERN_ADMIN_EMAIL),
    "Ctrl-C stops it.",
  ];
  terminal.say(welcome.join("\n"));
} catch (error) {
  // Whoever interrupts a start gets a clean end, not a report of it.
  if (starting.signal.aborted && error === starting.signal.reason) process.exit(0);
  giveUp(error);
}

function howToSignIn({ setupLink }: RunningStandalone, email: string | undefined): string {
  if (setupLink) return `Make the first account with this link, which works once: ${setupLink}`;
  if (email) return `Sign in as ${email}, or with any account made since.`;
  return "Sign in with your e-mail address and password.";
}
