/** How a command ends, for scripts and CI: `docs/cli.md` has this list. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  unreachable: 3,
  canceled: 4,
  timed_out: 5,
} as const;
export type Exit = (typeof EXIT)[keyof typeof EXIT];

/** The command cannot go on: `message` says what to do, in a sentence; `exit` is how it ends. */
export class CliError extends Error {
  override name = "CliError";
  readonly exit: Exit;
  constructor(message: string, exit: Exit = EXIT.failed, options?: ErrorOptions) {
    super(message, options);
    this.exit = exit;
  }
}

/** What was typed is no command. The message is followed by where help is. */
export class UsageError extends CliError {
  override name = "UsageError";
  constructor(message: string) {
    super(message, EXIT.usage);
  }
}

/** The code of a system error, `ENOENT`; undefined when it is something else. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
