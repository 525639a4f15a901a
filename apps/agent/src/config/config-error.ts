/** The settings do not make an agent: `message` has a line for each that is missing or wrong, and what it must be. */
export class ConfigError extends Error {
  override name = "ConfigError";
}
