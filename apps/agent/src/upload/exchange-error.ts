/** No answer: refused, silent, cut off, a certificate that is not trusted. `code` is the system's, or DEADLINE. */
export class ExchangeError extends Error {
  override name = "ExchangeError";
  readonly code: string;
  constructor(message: string, code: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
