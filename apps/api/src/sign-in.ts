import type { Log } from "@quern/runtime/log";
import type { Database } from "@quern/store/db";
import { type ApiKeys, derivedSecret } from "@quern/store/keys";
import { betterAuth } from "better-auth";
import { hashPassword, verifyPassword } from "./passwords.ts";

export type SignIn = ReturnType<typeof openSignIn>;

const times = { createdAt: "created_at", updatedAt: "updated_at" };

/** Sessions and passwords by better-auth, over our tables, with a secret of our key ring. Nobody signs up by it. */
export function openSignIn(db: Database, keys: ApiKeys, baseUrl: string, log: Log) {
  return betterAuth({
    database: { db, type: "postgres" },
    secret: derivedSecret(keys, "sessions"),
    baseURL: baseUrl,
    telemetry: { enabled: false },
    rateLimit: { enabled: false },
    logger: {
      log: (level, message) =>
        log[level === "error" || level === "warn" ? level : "debug"](message),
    },
    advanced: {
      cookiePrefix: "quern",
      useSecureCookies: baseUrl.startsWith("https:"),
      database: { generateId: false },
    },
    emailAndPassword: {
      enabled: true,
      disableSignUp: true,
      minPasswordLength: 1,
      maxPasswordLength: 1024,
      password: {
        hash: hashPassword,
        verify: ({ hash, password }) => verifyPassword(hash, password),
      },
    },
    user: {
      modelName: "users",
      fields: { emailVerified: "email_verified", ...times },
    },
    session: {
      modelName: "sessions",
      expiresIn: 60 * 60 * 24 * 7,
      updateAge: 60 * 60 * 24,
      fields: {
        userId: "user_id",
        expiresAt: "expires_at",
        ipAddress: "ip_address",
        userAgent: "user_agent",
        ...times,
      },
    },
    account: {
      modelName: "credentials",
      fields: {
        userId: "user_id",
        accountId: "account_id",
        providerId: "provider_id",
        accessToken: "access_token",
        refreshToken: "refresh_token",
        idToken: "id_token",
        accessTokenExpiresAt: "access_token_expires_at",
        refreshTokenExpiresAt: "refresh_token_expires_at",
        ...times,
      },
    },
    verification: {
      modelName: "verifications",
      fields: { expiresAt: "expires_at", ...times },
    },
  });
}
