/** Why no connection came about: the step, what happened, and what to do. */
import { ConnectorError } from "../errors.ts";

export type DialStep = "resolve" | "connect" | "tls";
/** Hears of each step when it is over; a failure is thrown by `dial` as well. */
export type OnStep = (step: DialStep, outcome: { message: string } | { skipped: string }) => void;

export class DialError extends ConnectorError {
  override name = "DialError";
  readonly step: DialStep;
  constructor(step: DialStep, message: string, hint: string) {
    super({ code: "datasource_unreachable", message, hint });
    this.step = step;
  }
}

export function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : messageOf(error);
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const REASONS: Record<string, { reason: string; hint: string }> = {
  ECONNREFUSED: {
    reason: "connection refused",
    hint: "Nothing listens there: check host and port, and listen_addresses of the server.",
  },
  ENOENT: {
    reason: "there is no such socket",
    hint: "Check the socket directory and the port; the server may be down.",
  },
  EACCES: {
    reason: "permission denied on the socket",
    hint: "The user of the runner may not open this socket directory.",
  },
  EHOSTUNREACH: { reason: "no route to the host", hint: "Check the network of the runner." },
  ENETUNREACH: { reason: "the network is unreachable", hint: "Check the network of the runner." },
};

export function socketReason(error: Error): string {
  return REASONS[codeOf(error)]?.reason ?? messageOf(error);
}

export function socketHint(error: Error): string {
  return REASONS[codeOf(error)]?.hint ?? "Check host and port.";
}
