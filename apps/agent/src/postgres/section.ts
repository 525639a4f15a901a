import { type Outcomes, type Read, runSection } from "../engine/section.ts";
import { failureOf } from "./failure.ts";

/** `runSection` with PostgreSQL's failures. */
export function section<T>(
  outcomes: Outcomes,
  name: string,
  read: () => Promise<Read<T>>,
): Promise<T | null> {
  return runSection(failureOf, outcomes, name, read);
}
