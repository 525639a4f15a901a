/** Numbers that look random and are the same for the same seed, everywhere. */
export type Random = {
  /** In [0, 1). */
  unit(): number;
  /** In [low, high). */
  between(low: number, high: number): number;
  /** A whole number in [0, count). */
  below(count: number): number;
  /** Standard normal. */
  normal(): number;
  /** Log-normal with the given median; `sigma` is the deviation of its logarithm. */
  logNormal(median: number, sigma: number): number;
  /** Exponential with the given mean. */
  exponential(mean: number): number;
  /** How often something happens that happens `mean` times on average. */
  poisson(mean: number): number;
  pick<T>(list: readonly [T, ...T[]]): T;
  /** A key, each as likely as its weight says. */
  weighted<K extends string>(weights: Record<K, number>): K;
};

/** The mulberry32 generator; its period of 2^32 is ample for demo data. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const unit = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const normal = () => Math.sqrt(-2 * Math.log(1 - unit())) * Math.cos(2 * Math.PI * unit());
  return {
    unit,
    normal,
    between: (low, high) => low + (high - low) * unit(),
    below: (count) => Math.floor(unit() * count),
    logNormal: (median, sigma) => median * Math.exp(sigma * normal()),
    exponential: (mean) => -mean * Math.log(1 - unit()),
    poisson: (mean) => poisson(mean, unit, normal),
    pick: (list) => list[Math.floor(unit() * list.length)] ?? list[0],
    weighted: (weights) => weighted(weights, unit()),
  };
}

function poisson(mean: number, unit: () => number, normal: () => number): number {
  // Counting arrivals takes as many steps as there are; a large mean is as good as normal.
  if (mean > 60) return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal()));
  const limit = Math.exp(-mean);
  let count = 0;
  for (let product = unit(); product > limit; product *= unit()) count++;
  return count;
}

function weighted<K extends string>(weights: Record<K, number>, unit: number): K {
  const keys = Object.keys(weights) as K[];
  const total = keys.reduce((sum, key) => sum + weights[key], 0);
  let rest = unit * total;
  for (const key of keys) {
    rest -= weights[key];
    if (rest < 0) return key;
  }
  return keys[keys.length - 1]!;
}
