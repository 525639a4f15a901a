// Zod asks whether it may compile its schemas. The page's policy forbids that, and reports the question as a violation.
globalThis.__zod_globalConfig = { jitless: true };
