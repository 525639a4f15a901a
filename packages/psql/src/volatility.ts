/** Functions whose answer is not a matter of the script and the database's contents. */
export type VolatileKind = "clock" | "random" | "transaction" | "session";

/** What stands without parentheses in SQL. */
const KEYWORDS = new Set([
  "current_date",
  "current_time",
  "current_timestamp",
  "localtime",
  "localtimestamp",
]);

const KINDS: Record<VolatileKind, string[]> = {
  clock: [
    ...KEYWORDS,
    "now",
    "clock_timestamp",
    "statement_timestamp",
    "transaction_timestamp",
    "timeofday",
    "pg_postmaster_start_time",
    "pg_conf_load_time",
  ],
  random: [
    "random",
    "random_normal",
    "gen_random_uuid",
    "uuidv4",
    "uuidv7",
    "uuid_generate_v1",
    "uuid_generate_v1mc",
    "uuid_generate_v4",
    "gen_random_bytes",
    "gen_salt",
    "pgp_sym_encrypt",
    "pgp_sym_encrypt_bytea",
    "pgp_pub_encrypt",
    "pgp_pub_encrypt_bytea",
  ],
  transaction: [
    "txid_current",
    "txid_current_if_assigned",
    "txid_current_snapshot",
    "pg_current_xact_id",
    "pg_current_xact_id_if_assigned",
    "pg_current_snapshot",
    "pg_current_wal_lsn",
    "pg_current_wal_insert_lsn",
    "pg_current_wal_flush_lsn",
  ],
  session: [
    "pg_backend_pid",
    "inet_client_addr",
    "inet_client_port",
    "inet_server_addr",
    "inet_server_port",
  ],
};

const BY_NAME = new Map<string, VolatileKind>();
/** Bit n: some name has n letters and begins with this one. Tells nearly all words apart without cutting them out. */
const BY_START = new Uint32Array(128);
for (const [kind, names] of Object.entries(KINDS) as [VolatileKind, string[]][]) {
  for (const name of names) {
    BY_NAME.set(name, kind);
    for (const first of [name[0]!, name[0]!.toUpperCase()]) {
      BY_START[first.charCodeAt(0)]! |= 1 << name.length;
    }
  }
}

export function mayBeVolatile(length: number, first: number): boolean {
  return first < 128 && length < 32 && (BY_START[first]! & (1 << length)) !== 0;
}

/** The kind of a word (in lower case) that is followed by `rest`; null when it is no call. */
export function volatileKind(word: string, rest: string): VolatileKind | null {
  const kind = BY_NAME.get(word);
  if (kind === undefined) return null;
  // At the end of a line the parenthesis may be on the next one.
  return KEYWORDS.has(word) || /^\s*(?:\(|$)/.test(rest) ? kind : null;
}
