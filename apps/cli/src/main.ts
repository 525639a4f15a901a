#!/usr/bin/env node
import { readSettings, SettingsError } from "@quern/runtime/settings";
import { VERSION } from "@quern/runtime/version";
import { COMMANDS, completions } from "./commands/all.ts";
import { EXIT } from "./faults.ts";
import { listenForInterrupts } from "./interrupts.ts";
import { runCli } from "./run-cli.ts";
import { CliSettings } from "./settings.ts";
import { openTerminal } from "./terminal.ts";

try {
  const settings = readSettings(CliSettings, process.env);
  process.exitCode = await runCli(COMMANDS, process.argv.slice(2), {
    settings,
    version: VERSION,
    completions,
    folder: process.cwd(),
    terminal: openTerminal({ colours: settings.NO_COLOR === undefined }),
    interrupts: listenForInterrupts(),
    environment: process.env,
  });
} catch (error) {
  if (!(error instanceof SettingsError)) throw error;
  console.error(error.message);
  process.exitCode = EXIT.usage;
}
