import { hash, verify } from "@node-rs/argon2";

/** OWASP's second choice for argon2id and three passes: 64 MiB, t = 3, p = 1, about 100 ms here. */
const ARGON2ID = { memoryCost: 65_536, timeCost: 3, parallelism: 1 };

/** argon2id PHC string of a password, taken exactly as given. */
export function hashPassword(password: string): Promise<string> {
  return hash(password, ARGON2ID);
}

export function verifyPassword(phc: string, password: string): Promise<boolean> {
  return verify(phc, password);
}
