/** A payload cannot be taken. `path` names what is wrong in it. */
export class PayloadError extends Error {
  override name = "PayloadError";
  readonly path: string;
  constructor(path: string, message: string) {
    super(message);
    this.path = path;
  }
}
