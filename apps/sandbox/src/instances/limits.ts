/** What one instance may take of the machine. Where a limit cannot be enforced, `stats()` says so. */
export type InstanceLimits = {
  /** Of all its processes and its page cache together (cgroup), in bytes. */
  memory_bytes: number;
  /** Of its data directory, in bytes; looked at every half second. */
  disk_bytes: number;
  /** Of temporary files per session, in bytes. */
  temp_bytes: number;
  /** Processes, its own seven included. */
  processes: number;
  /** Sessions at the same time. */
  connections: number;
  /** Relative to 100, which is what every other process has. */
  cpu_weight: number;
  /** Set at the server for `owner`, which can change it: the hard limit is the caller's. Null: none. */
  statement_timeout_ms: number | null;
  /** From its start to its end. Null: none. */
  wall_ms: number | null;
};

const GIB = 1024 ** 3;

export const defaultLimits: InstanceLimits = {
  memory_bytes: GIB,
  disk_bytes: 10 * GIB,
  temp_bytes: 2 * GIB,
  processes: 64,
  connections: 20,
  cpu_weight: 50,
  statement_timeout_ms: null,
  wall_ms: null,
};
