import { parseArgs } from "node:util";
import { ConfigError } from "./config-error.ts";

export type Command =
  | { do: "help" | "version" | "print-grants" | "print-helper-sql" }
  | { do: "run" | "once" | "dry-run" | "test-connection" }
  | { do: "replay"; path: string };

export type Arguments = {
  command: Command;
  config: string | null;
  verbose: boolean;
  json_logs: boolean;
};

export const HELP = `quern-agent: collects statistics of a PostgreSQL, MySQL or MariaDB server and sends them to Quern.

Usage: quern-agent [-c FILE] [what to do]

Without one of these it runs until it is stopped:
      --once               collect and send one payload for each database, then end
      --dry-run            print what would be sent, as JSON, and send nothing
      --test-connection    say for each aspect whether it works, and what to do if not
      --replay FILE        send the payloads of a file: of a spool, of dead letters or of --dry-run
      --print-grants       print the SQL that makes a role with the rights that are needed, for the engine of
                           DATABASE_URL; PostgreSQL's without one
      --print-helper-sql   print the SQL of PostgreSQL's helper functions for bloat and sequences

Options:
  -c, --config FILE        YAML; then the environment counts only where the file says \${NAME}
  -v, --verbose            log more
      --json-logs          log JSON lines
  -V, --version            print the version
  -h, --help               print this

Without a file, the environment: DATABASE_URL, DATAPACE_API_KEY, DATAPACE_SIGNING_SECRET, DATAPACE_ENDPOINT,
COLLECTION_INTERVAL, LOG_LEVEL, LOG_FORMAT, DATAPACE_HEALTH_BIND_ADDRESS, DATAPACE_HEALTH_PORT. Each DATAPACE_ may be
QUERN_ instead; NAME_FILE gives the value of NAME by a file.
`;

const COMMANDS = [
  "help",
  "version",
  "print-grants",
  "print-helper-sql",
  "test-connection",
  "dry-run",
  "once",
] as const;

/** Throws `ConfigError` for what is no option, or for two that exclude each other. */
export function readArguments(argv: string[]): Arguments {
  const values = parse(argv);
  const chosen = COMMANDS.filter((name) => values[name] === true).map(
    (name): Command => ({ do: name }),
  );
  if (values.replay !== undefined) chosen.push({ do: "replay", path: values.replay });
  const asks = chosen.find((it) => it.do === "help" || it.do === "version");
  if (asks === undefined && chosen.length > 1) {
    const names = chosen.map((it) => `--${it.do}`).join(" and ");
    throw new ConfigError(`${names} exclude each other. quern-agent --help lists what there is.`);
  }
  return {
    command: asks ?? chosen[0] ?? { do: "run" },
    config: values.config ?? null,
    verbose: values.verbose ?? false,
    json_logs: values["json-logs"] ?? false,
  };
}

function parse(argv: string[]) {
  const flag = { type: "boolean" } as const;
  try {
    return parseArgs({
      args: argv,
      strict: true,
      allowPositionals: false,
      options: {
        config: { type: "string", short: "c" },
        replay: { type: "string" },
        once: flag,
        "dry-run": flag,
        "test-connection": flag,
        "print-grants": flag,
        "print-helper-sql": flag,
        "json-logs": flag,
        verbose: { type: "boolean", short: "v" },
        version: { type: "boolean", short: "V" },
        help: { type: "boolean", short: "h" },
      },
    }).values;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (!code?.startsWith("ERR_PARSE_ARGS")) throw error;
    const first = message.split(". ")[0];
    throw new ConfigError(`${first}. quern-agent --help lists the options.`, { cause: error });
  }
}
