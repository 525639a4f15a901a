#!/usr/bin/env node
// Before all others: it is about the memory that they take, too.
import "./small-heap.ts";
import { announceReady, runProcess } from "@quern/runtime/running";
import { SettingsError } from "@quern/runtime/settings";
import { VERSION } from "@quern/runtime/version";
import { startAgent } from "./agent.ts";
import { UnreachableError } from "./collector.ts";
import { dryRun } from "./commands/dry-run.ts";
import { once } from "./commands/once.ts";
import { replay } from "./commands/replay.ts";
import { testConnections } from "./commands/test-connection.ts";
import type { AgentConfig, UploadConfig } from "./config/agent-config.ts";
import { type Arguments, HELP, readArguments } from "./config/arguments.ts";
import { ConfigError } from "./config/config-error.ts";
import { readConfig } from "./config/read-config.ts";
import { openCollector } from "./engines.ts";
import { readHashKey } from "./hash-key.ts";
import { openAgentLog } from "./log-output.ts";
import { printMysqlGrants } from "./mysql/grants.ts";
import { printGrants } from "./postgres/grants.ts";
import { printHelperSql } from "./postgres/helper-sql.ts";
import { useHashKey } from "./text/keyed-hash.ts";
import { loadParser } from "./text/parser.ts";

/** Of the stop: whatever is on its way, the agent is gone within two seconds. */
const STOP_MS = 1_900;

const NO_HELPER = "-- Not for MySQL: --print-grants has all that the agent needs there.\n";

async function main(): Promise<number | null> {
  const args = readArguments(process.argv.slice(2));
  const { command } = args;
  if (command.do === "help") return print(HELP);
  if (command.do === "version") return print(`quern-agent ${VERSION}\n`);

  const config = configOf(args);
  const isPostgres = config.database.type === "postgres";
  if (command.do === "print-grants") return print(isPostgres ? printGrants() : printMysqlGrants());
  if (command.do === "print-helper-sql") return print(isPostgres ? printHelperSql() : NO_HELPER);
  const log = openAgentLog(config.logging);
  if (command.do === "replay") {
    return (await replay(withUpload(config), command.path, log)) ? 0 : 1;
  }
  if (isPostgres) await loadParser();
  useHashKey(await readHashKey(config.spool.dir));
  const collector = openCollector(config);
  if (command.do === "run") {
    const running = { ...config, upload: withUpload(config) };
    const start = async () => {
      const agent = await startAgent(running, collector, { log });
      announceReady();
      return agent;
    };
    await runProcess(log, start, STOP_MS);
    return null;
  }
  try {
    if (command.do === "test-connection") {
      const { ok, report } = await testConnections(collector, config.upload);
      process.stdout.write(report);
      return ok ? 0 : 1;
    }
    if (command.do === "dry-run") return print(await dryRun(config, collector));
    return (await once({ ...config, upload: withUpload(config) }, collector, log)) ? 0 : 1;
  } finally {
    await collector.close();
  }
}

function configOf({ command, config, verbose, json_logs }: Arguments): AgentConfig {
  const overrides = {
    file: config,
    verbose,
    json_logs,
    uploads: command.do === "run" || command.do === "once" || command.do === "replay",
    collects: !["replay", "print-grants", "print-helper-sql"].includes(command.do),
  };
  return readConfig(overrides, process.env);
}

function withUpload({ upload }: AgentConfig): UploadConfig {
  if (upload === null) throw new ConfigError("The endpoint, the key and the secret are missing.");
  return upload;
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}

/** Errors whose message is for the operator; any other ends the process with its stack. */
const expected = [ConfigError, SettingsError, UnreachableError];

main().then(
  (code) => {
    // Not process.exit: a long payload may still be on its way through a pipe.
    if (code !== null) process.exitCode = code;
  },
  (error: unknown) => {
    if (!expected.some((type) => error instanceof type)) throw error;
    const code = error instanceof UnreachableError ? 1 : 2;
    process.stderr.write(`${(error as Error).message}\n`, () => process.exit(code));
  },
);
