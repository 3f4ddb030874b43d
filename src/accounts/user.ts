import type { Kysely, Selectable } from "kysely";
import type { Schema, Transaction, UsersTable } from "../database/index.ts";
import { AppError } from "../runtime/index.ts";

/** Lowest first: each may do what those before it may. */
export const ROLES = ["login", "staff", "admin"] as const;
export type Role = (typeof ROLES)[number];

/**
 * registered: asked for an account, cannot log in yet. active: may log in. disabled: may not any more; the row stays,
 * because the audit log and uploads speak of it.
 */
export const USER_STATES = {
  registered: ["active", "disabled"],
  active: ["disabled"],
  disabled: ["active"],
} as const satisfies Record<string, readonly string[]>;
export type UserState = keyof typeof USER_STATES;

export interface User {
  readonly id: number;
  readonly name: string;
  readonly email: string;
  readonly role: Role;
  readonly state: UserState;
  readonly passwordHash: string | undefined;
  readonly createdAt: Date;
  readonly lastLoginAt: Date | undefined;
}

/** As the original's: letters, digits and @.+-_; it goes into addresses and logs. */
const USER_NAME = /^[A-Za-z0-9][A-Za-z0-9@.+_-]{0,63}$/;
const EMAIL = /^[^\s@<>",;:\\()[\]]{1,64}@[A-Za-z0-9][A-Za-z0-9.-]{0,250}$/;

/** Throws USER_NAME_INVALID, EMAIL_INVALID (invalid). */
export function checkNameAndEmail(name: string, email: string): void {
  if (!USER_NAME.test(name)) {
    throw new AppError({
      kind: "invalid",
      code: "USER_NAME_INVALID",
      message: `${JSON.stringify(name.slice(0, 80))} is no name for a user`,
      hint: "1 to 64 letters, digits and @ . + - _, beginning with a letter or digit",
    });
  }
  if (!EMAIL.test(email)) {
    throw new AppError({
      kind: "invalid",
      code: "EMAIL_INVALID",
      message: `${JSON.stringify(email.slice(0, 80))} is no mail address`,
      hint: "Give it as name@host",
    });
  }
}

export async function findUserByName(db: Kysely<Schema>, name: string): Promise<User | undefined> {
  const row = await db.selectFrom("users").selectAll().where("name_key", "=", name.toLowerCase()).executeTakeFirst();
  return row === undefined ? undefined : userOf(row);
}

export async function findUserById(db: Kysely<Schema>, id: number): Promise<User | undefined> {
  const row = await db.selectFrom("users").selectAll().where("id", "=", id).executeTakeFirst();
  return row === undefined ? undefined : userOf(row);
}

/** Throws USER_UNKNOWN (not-found). */
export async function loadUser(db: Kysely<Schema>, name: string): Promise<User> {
  const user = await findUserByName(db, name);
  if (user !== undefined) return user;

  throw new AppError({
    kind: "not-found",
    code: "USER_UNKNOWN",
    message: `there is no user ${name.slice(0, 80)}`,
    hint: "user_ls shows them all",
  });
}

export async function listUsers(db: Kysely<Schema>): Promise<User[]> {
  const rows = await db.selectFrom("users").selectAll().orderBy("name_key").execute();
  return rows.map(userOf);
}

export async function insertUser(
  tx: Transaction,
  user: { readonly name: string; readonly email: string; readonly role: Role; readonly state: UserState },
): Promise<number> {
  const { id } = await tx
    .insertInto("users")
    .values({ ...user, name_key: user.name.toLowerCase(), password_hash: null, created_at: tx.now().toISOString() })
    .returning("id")
    .executeTakeFirstOrThrow();
  return id;
}

function userOf(row: Selectable<UsersTable>): User {
  return {
    id: row.id,
    name: row.name,
    email: row.email,
    role: row.role as Role,
    state: row.state as UserState,
    passwordHash: row.password_hash ?? undefined,
    createdAt: new Date(row.created_at),
    lastLoginAt: row.last_login_at === null ? undefined : new Date(row.last_login_at),
  };
}
