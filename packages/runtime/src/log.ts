import { type Logger, type LoggerOptions, pino } from "pino";

export type Log = Logger;

/**
 * JSON lines on standard output, or where `output` writes them, lost when nobody reads it any more. Never hand it SQL
 * values, secrets or whole settings.
 */
export function openLog(
  processName: string,
  level: string,
  output: { write(line: string): unknown } = process.stdout,
): Log {
  // Not pino's own destination: once its reader is gone, sonic-boom 4.2 retries the write for ever at exit.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  });
  const options: LoggerOptions = {
    level,
    base: { process: processName, pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    serializers: { err: describeError },
    redact: {
      paths: ["password", "secret", "token", "*.password", "*.secret", "*.token", "req.headers"],
      censor: "[redacted]",
    },
  };
  return pino(options, { write: (line: string) => void output.write(line) });
}

/** PostgreSQL's `detail`, `where` and `internalQuery` may quote rows and SQL: they stay out of the log. */
function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return { message: String(error) };
  const { code, constraint } = error as { code?: unknown; constraint?: unknown };
  return {
    type: error.name,
    message: wordsOf(error.message, code),
    stack: stackOf(error),
    ...(code === undefined ? {} : { code }),
    ...(constraint === undefined ? {} : { constraint }),
    ...(error.cause === undefined ? {} : { cause: describeError(error.cause) }),
  };
}

/** The frames alone: what goes before them is the message again. */
function stackOf({ stack }: Error): string | undefined {
  const frames = stack?.search(/^\s+at /m) ?? -1;
  return frames < 0 ? undefined : stack?.slice(frames);
}

/** Of a data exception (SQLSTATE class 22), PostgreSQL's message quotes the value, which may be of somebody's SQL. */
function wordsOf(message: string, code: unknown): string {
  const quotes = typeof code === "string" && /^22[0-9A-Z]{3}$/.test(code);
  return quotes ? message.replace(/".*"/s, '"…"') : message;
}
