import { type Facts, readFacts } from "./facts.ts";
import type { Session } from "./session.ts";

/** The facts of a session's server, asked for once: each time they would be most of what a sample costs. */
export type FactsOf = (session: Session) => Promise<Facts>;

export function openFacts(): FactsOf {
  const known = new WeakMap<Session, Facts>();
  return async (session) => {
    const facts = known.get(session) ?? (await readFacts(session));
    known.set(session, facts);
    return facts;
  };
}
