import { createHash, randomBytes } from "node:crypto";

const SECRET_BYTES = 32;

/** 256 random bits, safe in cookies, headers and addresses. */
export function newSecret(): string {
  return randomBytes(SECRET_BYTES).toString("base64url");
}

/** A short name for what has a secret, to be shown in lists. */
export function newId(): string {
  return randomBytes(6).toString("hex");
}

/** What is stored in place of a secret. It is random and long, so a plain hash cannot be turned around. */
export function secretHash(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}
