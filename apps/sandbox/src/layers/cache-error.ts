/** Why there is no room for a layer, in figures. */
export type CacheErrorCode =
  | "cache_full_unreclaimable"
  | "cache_limit_too_small"
  | "cache_enforcement_unavailable";

/** What was being done when the room ran out. */
export type CachePhase = "prepare_step" | "snapshot" | "metadata_commit" | "import";

export type CacheFigures = {
  reason?: "usage_above_high_watermark" | "physical_free_below_reserve";
  used_bytes?: number;
  needed_bytes?: number;
  effective_max_bytes?: number;
  observed_required_bytes?: number;
  recommended_min_bytes?: number;
  free_bytes?: number;
  reserve_bytes?: number;
  /** Bytes that cannot go now, by why. */
  kept?: { in_use: number; pinned: number; too_young: number };
};

/** The cache cannot keep what it should. `message` says what to do, with the figures; `retryable` when waiting may help. */
export class CacheError extends Error {
  override name = "CacheError";
  readonly code: CacheErrorCode;
  readonly phase: CachePhase;
  readonly figures: CacheFigures;
  readonly retryable: boolean;
  constructor(
    code: CacheErrorCode,
    phase: CachePhase,
    message: string,
    figures: CacheFigures = {},
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.code = code;
    this.phase = phase;
    this.figures = figures;
    this.retryable = code !== "cache_limit_too_small";
  }
}

/** A state that may not become a layer: the server was not stopped cleanly, or the directory is no PGDATA. Build it again. */
export class LayerRefused extends Error {
  override name = "LayerRefused";
  readonly code = "layer_refused";
}

const FULL: ReadonlySet<string> = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);

/** A full disk as the CacheError that people know, in whatever phase; every other error as it was. */
export function asCacheError(error: unknown, phase: CachePhase): unknown {
  if (!(error instanceof Error)) return error;
  const code = "code" in error ? String(error.code) : "";
  // 53100 is PostgreSQL's disk_full.
  if (!FULL.has(code) && code !== "53100") return error;
  return new CacheError(
    "cache_full_unreclaimable",
    phase,
    "The disk of the layer cache is full. Free space on it, lower QUERN_SANDBOX_CACHE_BYTES, or unpin layers that nobody needs.",
    { reason: "physical_free_below_reserve" },
    { cause: error },
  );
}
