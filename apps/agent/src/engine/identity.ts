/** Who a server is: the same for all agents that look at it, over restarts, upgrades of the agent and new passwords. */
import { createHash } from "node:crypto";
import { hostname } from "node:os";

export type Identity = { cluster_id: string | null; node_id: string; node_name: string };

const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|::1|\/.*)$/;

/**
 * A hash of the system identifier is the same on all nodes of a cluster and in a restored copy; with host and port it is
 * one node. The loopback names mean another machine on every machine.
 */
export function identityOf(
  { host, port }: { host: string; port: number },
  systemIdentifier: string | null,
  name: string | null,
  machine = hostname(),
): Identity {
  const cluster_id = systemIdentifier === null ? null : sha256(systemIdentifier);
  if (name !== null) {
    return { cluster_id, node_id: name.length <= 64 ? name : sha256(name), node_name: name };
  }
  const where = LOOPBACK.test(host) ? machine : host;
  return {
    cluster_id,
    node_id: sha256([cluster_id ?? "", where, port].join("\n")),
    node_name: `${where}:${port}`.slice(0, 200),
  };
}

/** Of one database of a node: 32 hexadecimal digits, as the original agent's. */
export function instanceId(nodeId: string, database: string): string {
  return sha256(`${nodeId}:${database}`).slice(0, 32);
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
