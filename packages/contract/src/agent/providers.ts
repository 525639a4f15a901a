/** Where a database may run. By itself: an agent needs the names, and none of the schemas of a payload. */
export const PROVIDERS = [
  "generic",
  "rds",
  "aurora",
  "azure",
  "cloudsql",
  "alloydb",
  "neon",
  "supabase",
  "crunchy",
  "timescale",
  "heroku",
  "aiven",
  "digitalocean",
  "tembo",
  "planetscale",
] as const;
