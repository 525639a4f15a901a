export type WeightedCache<V> = {
  get(key: string): V | undefined;
  set(key: string, value: V): void;
  /** Of all that it holds. */
  weight(): number;
};

/** Keeps what was used last, up to `maxWeight` together; heavier values are not kept at all. */
export function weightedCache<V>(maxWeight: number, weigh: (value: V) => number): WeightedCache<V> {
  // A Map keeps the order of insertion: the first is the one not used for longest.
  const kept = new Map<string, V>();
  let weight = 0;

  function forget(key: string): void {
    const value = kept.get(key);
    if (value === undefined) return;
    kept.delete(key);
    weight -= weigh(value);
  }

  return {
    get(key) {
      const value = kept.get(key);
      if (value === undefined) return undefined;
      kept.delete(key);
      kept.set(key, value);
      return value;
    },
    set(key, value) {
      forget(key);
      if (weigh(value) > maxWeight) return;
      kept.set(key, value);
      weight += weigh(value);
      for (const oldest of kept.keys()) {
        if (weight <= maxWeight) return;
        forget(oldest);
      }
    },
    weight: () => weight,
  };
}
