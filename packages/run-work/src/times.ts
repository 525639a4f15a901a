/** How long the work on one claimed run takes at most, in milliseconds. */
export type RunTimes = {
  /** A run whose lease was not renewed for so long is ended by whichever runner sweeps next. */
  lease_ms: number;
  renew_ms: number;
  /** Soon, so that the page of a run that takes longer says that it runs. */
  first_renew_ms: number;
  /** After a renewal, or an end of a run, that got no answer. */
  retry_ms: number;
  /** To put the parts of one result into the result store, whatever their size. */
  store_ms: number;
};

export const RUN_TIMES: RunTimes = {
  lease_ms: 15_000,
  renew_ms: 3_000,
  first_renew_ms: 250,
  retry_ms: 500,
  store_ms: 15 * 60_000,
};
