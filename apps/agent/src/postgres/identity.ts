import { type Identity, identityOf } from "../engine/identity.ts";
import type { Session } from "./session.ts";
import { codeOf, endsSession } from "./unreachable.ts";

/** `name` is the configured one, which then stands for host and port. */
export async function readIdentity(session: Session, name: string | null): Promise<Identity> {
  return identityOf(session.address, await readSystemIdentifier(session), name);
}

/** Some managed services do not show it; the node is then known by host and port alone. */
async function readSystemIdentifier(session: Session): Promise<string | null> {
  try {
    const [row] = await session.query("select c.system_identifier from pg_control_system() as c");
    return row?.system_identifier ?? null;
  } catch (error) {
    if (endsSession(error) || !/^[0-9A-Z]{5}$/.test(codeOf(error))) throw error;
    return null;
  }
}
