import { type Logger, pino } from "pino";

export type Log = Logger;

/** JSON lines on standard output. Never hand it SQL values, secrets or whole settings. */
export function openLog(processName: string, level: string): Log {
  return pino({
    level,
    base: { process: processName, pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    serializers: { err: describeError },
    redact: {
      paths: ["password", "secret", "token", "*.password", "*.secret", "*.token", "req.headers"],
      censor: "[redacted]",
    },
  });
}

/** PostgreSQL's `detail`, `where` and `internalQuery` may quote rows and SQL: they stay out of the log. */
function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return { message: String(error) };
  const { code, constraint } = error as { code?: unknown; constraint?: unknown };
  return {
    type: error.name,
    message: error.message,
    stack: error.stack,
    ...(code === undefined ? {} : { code }),
    ...(constraint === undefined ? {} : { constraint }),
    ...(error.cause === undefined ? {} : { cause: describeError(error.cause) }),
  };
}
