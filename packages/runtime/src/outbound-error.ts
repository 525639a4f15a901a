export type OutboundErrorCode =
  | "invalid_url"
  | "forbidden_address"
  | "name_not_found"
  | "connection_failed"
  | "tls_failed"
  | "timed_out"
  | "redirect_refused"
  | "invalid_reply"
  | "reply_too_large"
  | "interrupted";

/** A request was refused or got no answer. `message` says why, for people, and quotes nothing that a server sent. */
export class OutboundError extends Error {
  override name = "OutboundError";
  readonly code: OutboundErrorCode;
  constructor(code: OutboundErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
