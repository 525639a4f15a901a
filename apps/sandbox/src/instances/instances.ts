/**
 * Instances: throw-away PostgreSQL servers, each a copy-on-write clone of an immutable data
 * directory with a postmaster, a private Unix socket and, where the machine allows it, a uid, a
 * network namespace and a cgroup of its own. No TCP. An instance serves one holder and is never
 * restarted: what ends it is told by `exited`.
 */
import type { CloneBackend } from "../clones/backend.ts";
import type { InstanceInstruments } from "./instruments.ts";
import type { InstanceLimits } from "./limits.ts";

/** What a job or a project asks for; absent: the installation's default. */
export type EnvironmentSpec = {
  /** The major version, 13 to 18; by default the newest installed. */
  engine_version?: number;
  /** Extensions made in the base besides plpgsql; by default none (trusted ones can be created by SQL). */
  extensions?: string[];
  /** Server settings by name, from the list of `instances/settings.ts`. */
  settings?: Record<string, string>;
  /** Whether `owner` is a superuser; needs an admin's leave, a uid and a network namespace per instance. */
  superuser?: boolean;
};

export type EngineExtension = {
  name: string;
  default_version: string;
  /** Whether a database's owner may create it by SQL, without asking for it in the environment. */
  trusted: boolean;
  /** Whether it may be asked for in the environment. */
  allowed: boolean;
  requires: string[];
  comment: string;
};

/** An installed version of PostgreSQL. */
export type Engine = {
  major: number;
  /** Such as `18.4`. */
  version: string;
  /** Lower-case hex sha256 over the server binaries and the extension scripts. */
  digest: string;
  extensions: EngineExtension[];
};

/** An environment made concrete. Two with the same `env_key` make the same base. */
export type ResolvedEnvironment = {
  /** 32 bytes: sha256 over length-framed binaries digest, initdb arguments, settings, extensions, superuser. */
  env_key: Buffer;
  engine: Engine;
  /** With those that they require, each before whatever requires it. */
  extensions: { name: string; version: string; trusted: boolean }[];
  /** Only what was asked for, in canonical spelling. */
  settings: Record<string, string>;
  superuser: boolean;
};

export type Purpose = "base" | "builder" | "head" | "person" | "pool" | "inspection";

/** For whom an instance runs: shown in the list of instances and in the log. */
export type InstanceHolder = { kind: "job" | "person" | "pool" | "sandbox"; id: string };

/** Sent to `Instances.start`. */
export type InstanceStart = {
  /**
   * The data directory to clone: a layer, or a builder's that was stopped cleanly; nobody changes it. Only clones of
   * layers are kept warm.
   */
  from: string;
  /** The layer's state key: what a warm instance is looked up by. */
  key: Buffer;
  environment: ResolvedEnvironment;
  /**
   * builder: its directory can be published after `stop("clean")`. head: may come from the pool.
   * person: kept until its TTL. inspection: admits only `reader`, for fingerprints and differences.
   */
  purpose: Exclude<Purpose, "base" | "pool">;
  /** Whether a builder may come from the pool, too: somebody waits for it. */
  may_be_warm?: boolean;
  limits?: Partial<InstanceLimits>;
  holder: InstanceHolder;
  signal?: AbortSignal;
};

export type EndReason =
  | "stopped"
  | "destroyed"
  | "disk_limit"
  | "memory_limit"
  | "wall_clock"
  | "crashed";

/** Why an instance is no more. `log` has its last lines, which never hold SQL text. */
export type Ended = { reason: EndReason; detail: string; log: string[] };

export type Instance = {
  /** A uuid; a person's instance keeps it through a reset. */
  id: string;
  purpose: Purpose;
  /** Its PGDATA; may be renamed away after `stop("clean")` when the purpose is builder. */
  directory: string;
  /** The folder of the Unix socket: the host to connect to. */
  socket_dir: string;
  /** Part of the socket's name; nothing listens on TCP. */
  port: number;
  database: "project";
  /** Who user SQL runs as. No password: only the sandbox's own user and the instance's can reach the socket. */
  owner: { user: "owner"; password: null };
  /** Reads every table of every database past row security, changes nothing; only on `inspection`. */
  reader: { user: "quern_reader"; password: null } | null;
  environment: ResolvedEnvironment;
  limits: InstanceLimits;
  started_at: Date;
  timings: { clone_ms: number; start_ms: number; warm: boolean; clone: CloneBackend };
  /** clean: ends sessions, writes the shutdown checkpoint, and keeps the directory. Throws SandboxError. */
  stop(mode: "clean"): Promise<void>;
  /** Ends everything at once and removes every trace but a directory that was renamed away. Never rejects. */
  destroy(): Promise<void>;
  /** Resolves when it has ended, asked to or not; never rejects. */
  exited: Promise<Ended>;
};

export type InstancesStats = {
  clone: { backend: CloneBackend; overlay: boolean; clone_base_ms: number | null; note: string };
  isolation: {
    uids: boolean;
    network: boolean;
    setpriv: boolean;
    cgroup: "v2" | "v1" | null;
    notes: string[];
  };
  running: Record<Purpose, number>;
  pool: { capacity: number; ready: number; hits: number; misses: number };
  proxy: { host: string; port: number; tls: boolean; connections: number } | null;
};

export type Instances = {
  instruments: InstanceInstruments;
  /** Newest first. */
  engines: Engine[];
  /** Whether an environment may ask for a superuser here. */
  offersSuperuser: boolean;
  /** Throws SandboxError: unsupported_engine, unknown_extension, setting_not_allowed, superuser_unavailable. */
  environment(asked: EnvironmentSpec): ResolvedEnvironment;
  /**
   * initdb, settings, roles, database and extensions in `directory`, which must not exist yet and
   * whose parent must; stopped cleanly, so that it can be published as the layer s0.
   */
  makeBase(
    environment: ResolvedEnvironment,
    directory: string,
    signal?: AbortSignal,
  ): Promise<{ duration_ms: number }>;
  /** Throws SandboxError (instance_failed, disk_full, no_free_uid, aborted by `signal`). */
  start(options: InstanceStart): Promise<Instance>;
  /** Tells that heads of this layer can be expected: the pool clones it ahead when the machine is idle. */
  warm(hint: { key: Buffer; from: string; environment: ResolvedEnvironment }): void;
  /** The pool must let go of a layer that is about to be evicted. */
  forget(key: Buffer): Promise<void>;
  stats(): InstancesStats;
  /** Tells `stats()` of the proxy, once there is one. */
  showProxy(look: () => NonNullable<InstancesStats["proxy"]>): void;
  /** Destroys every instance. */
  stop(): Promise<void>;
};
