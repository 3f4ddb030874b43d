import type { Kysely } from "kysely";
import type { Schema } from "../database/index.ts";
import { AppError } from "../runtime/index.ts";
import type { AccountsContext } from "./accounts-context.ts";
import { loadUser } from "./user.ts";

/** upload: with an approved key; migrate: move on, port, retry, cancel; manage: remove, restore, snapshots. */
const REPOSITORY_RIGHTS = ["upload", "migrate", "manage"] as const;
type RepositoryRight = (typeof REPOSITORY_RIGHTS)[number];

export interface GrantedRight {
  readonly repositoryId: string;
  readonly right: RepositoryRight;
}

/** Give a user exactly these rights in one repository. Throws USER_UNKNOWN (not-found), REPOSITORY_RIGHT_UNKNOWN (invalid). */
export async function setRepositoryRights(
  ctx: AccountsContext,
  grant: {
    readonly user: string;
    readonly repositoryId: string;
    readonly rights: readonly string[];
    readonly grantedBy: string;
  },
): Promise<void> {
  const rights = grant.rights.map(checkRight);
  await ctx.database.transaction(async (tx) => {
    const user = await loadUser(tx, grant.user);
    await tx
      .deleteFrom("repository_rights")
      .where("user_id", "=", user.id)
      .where("repository_id", "=", grant.repositoryId)
      .execute();
    for (const kind of new Set(rights)) {
      await tx
        .insertInto("repository_rights")
        .values({
          user_id: user.id,
          repository_id: grant.repositoryId,
          kind,
          granted_by: grant.grantedBy,
          granted_at: tx.now().toISOString(),
        })
        .execute();
    }
  });
}

export async function listRepositoryRights(db: Kysely<Schema>, userId: number): Promise<GrantedRight[]> {
  const rows = await db
    .selectFrom("repository_rights")
    .select(["repository_id", "kind"])
    .where("user_id", "=", userId)
    .orderBy("repository_id")
    .orderBy("kind")
    .execute();
  return rows.map((row) => ({ repositoryId: row.repository_id, right: row.kind as RepositoryRight }));
}

function checkRight(right: string): RepositoryRight {
  const known = REPOSITORY_RIGHTS.find((candidate) => candidate === right);
  if (known !== undefined) return known;

  throw new AppError({
    kind: "invalid",
    code: "REPOSITORY_RIGHT_UNKNOWN",
    message: `there is no right ${JSON.stringify(right.slice(0, 40))} in a repository`,
    hint: `Rights are: ${REPOSITORY_RIGHTS.join(", ")}`,
  });
}
