import { z } from "zod";
import { text } from "./text.ts";

const settingName = z
  .string()
  .regex(/^[a-z_][a-z0-9_.]{0,62}$/, "must be the name of a PostgreSQL setting");

/** The PostgreSQL that a project runs on. What is left out is the installation's default. */
export const Environment = z
  .strictObject({
    engine_version: z.number().int().min(13).max(18).optional().describe("Major version"),
    extensions: z
      .array(z.string().regex(/^[a-z][a-z0-9_-]{0,62}$/, "must be the name of an extension"))
      .max(50)
      .optional()
      .describe("Created before the first file. Trusted ones a script may create by itself"),
    settings: z
      .record(settingName, z.union([text(1000), z.number(), z.boolean()]))
      .refine((settings) => Object.keys(settings).length <= 100, "must have at most 100 settings")
      .optional()
      .describe("Settings of the server, of those that may be set"),
    superuser: z
      .boolean()
      .optional()
      .describe("Scripts run as a superuser, where the installation allows it"),
  })
  .meta({ id: "Environment" });
export type Environment = z.infer<typeof Environment>;

/** psql's variables: letters, digits, underscores. */
const variableName = z
  .string()
  .regex(/^[A-Za-z0-9_\u0080-\uffff]{1,63}$/, "must be letters, digits and underscores");

/** Values of psql variables: `:name`, `:'name'`, `:"name"`, `:{?name}` in scripts. */
export const Variables = z
  .record(variableName, text(65_536))
  .refine((variables) => Object.keys(variables).length <= 200, "must be at most 200 variables")
  .meta({ id: "Variables" });
export type Variables = z.infer<typeof Variables>;
