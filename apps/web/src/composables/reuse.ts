import { isNumber, useStored } from "./stored.ts";

/** Seconds that a result may be old to be used instead of a run; 0 makes a new one each time. Kept by this browser. */
export const reuseSeconds = useStored("reuse_s", isNumber, 0);
