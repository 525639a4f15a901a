import type { RunErrorCode } from "@quern/contract/run-error";

/** Why a connector gave up, in the closed list of run errors; `canceled` when somebody stopped the statement. */
export type ConnectorErrorCode = RunErrorCode | "canceled";

export type ConnectorErrorFields = {
  code: ConnectorErrorCode;
  message: string;
  sqlstate?: string | null;
  /** UTF-16 code units from the start of the whole text. */
  position?: number | null;
  detail?: string | null;
  hint?: string | null;
};

/** The only error that a connector throws on purpose. Its fields are safe to store and to show. */
export class ConnectorError extends Error {
  override name = "ConnectorError";
  readonly code: ConnectorErrorCode;
  readonly sqlstate: string | null;
  readonly position: number | null;
  readonly detail: string | null;
  readonly hint: string | null;

  constructor(fields: ConnectorErrorFields) {
    super(safeText(fields.message));
    this.code = fields.code;
    this.sqlstate = fields.sqlstate ?? null;
    this.position = fields.position ?? null;
    this.detail = fields.detail == null ? null : safeText(fields.detail);
    this.hint = fields.hint == null ? null : safeText(fields.hint);
  }
}

const MAX_TEXT = 8_000;

/** Text that any store takes: no NUL, no lone surrogate, at most 8,000 code units. */
export function safeText(text: string, max = MAX_TEXT): string {
  const cut = text.length > max ? `${text.slice(0, max)}… (${text.length} characters)` : text;
  return cut.replaceAll("\0", "\u{FFFD}").toWellFormed();
}
