/** A recurrence or a time zone that cannot be used. `message` says what to write instead. */
export class RecurrenceError extends Error {
  override name = "RecurrenceError";
  readonly field: "recurrence" | "time_zone";
  constructor(message: string, field: "recurrence" | "time_zone" = "recurrence") {
    super(message);
    this.field = field;
  }
}
