import { z } from "zod";
import { id } from "./text.ts";

export const RunStatus = z
  .enum(["queued", "running", "succeeded", "failed", "canceled"])
  .meta({ id: "RunStatus" });
export type RunStatus = z.infer<typeof RunStatus>;

export const RunStarted = z
  .strictObject({
    id,
    status: RunStatus,
    reused: z
      .boolean()
      .describe("Whether an earlier run answers: by max_age_s, or of the same result"),
  })
  .meta({ id: "RunStarted" });
export type RunStarted = z.infer<typeof RunStarted>;
