import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type AccountsContext,
  changeUser,
  createUser,
  decideUploaderKey,
  listUploaderKeys,
  loadUser,
  removeUploaderKey,
  setRepositoryRights,
  setUploaderKey,
  uploaderKeysOf,
} from "../../../src/accounts/index.ts";
import { silentLogger } from "../../../src/runtime/index.ts";
import { engines, useDatabase } from "../../support/database.ts";
import { makeTestKey, type TestKey } from "../../support/keys.ts";

let key: TestKey;
let text: string;

beforeAll(async () => {
  key = await makeTestKey();
  text = await key.armoredPublicKey();
});

afterAll(() => key?.dispose());

describe.each(engines)("uploader keys on %s", (engine) => {
  const db = useDatabase(engine);

  function context(): AccountsContext {
    const { database, clock } = db;
    return { database, clock, logger: silentLogger, registration: "closed", url: "http://x", sendMail: undefined };
  }

  async function addUser(name: string): Promise<number> {
    await createUser(context(), { name, email: `${name}@example.org`, role: "login" });
    await changeUser(context(), { name, state: "active" });
    return (await loadUser(db.database.read, name)).id;
  }

  const inRepository = async (id: string) => (await uploaderKeysOf(db.database.read, id)).map(({ fingerprint }) => fingerprint);

  test("a key counts where an administrator approved it, until it is refused, or its owner loses right or account", async () => {
    const ctx = context();
    const userId = await addUser("ann");
    const decide = (state: "approved" | "refused", ...repositoryIds: string[]) =>
      decideUploaderKey(ctx, { fingerprint: key.fingerprint.toLowerCase(), state, repositoryIds, by: "root" });

    expect(await setUploaderKey(ctx, { userId, text })).toMatchObject({ state: "waiting", userName: "ann" });
    expect(await inRepository("test")).toEqual([]);
    expect(await decide("approved", "test")).toMatchObject({ state: "approved", decidedBy: "root" });
    expect([await inRepository("test"), await inRepository("other")]).toEqual([[key.fingerprint], []]);

    await decide("refused");
    expect(await inRepository("test")).toEqual([]);
    await decide("approved");
    expect(await inRepository("test")).toEqual([key.fingerprint]);
    await setRepositoryRights(ctx, { user: "ann", repositoryId: "test", rights: ["migrate"], grantedBy: "root" });
    expect(await inRepository("test")).toEqual([]);
    await setRepositoryRights(ctx, { user: "ann", repositoryId: "test", rights: ["upload"], grantedBy: "root" });
    await changeUser(ctx, { name: "ann", state: "disabled" });
    expect(await inRepository("test")).toEqual([]);
  });

  test("a key that is sent again keeps its state; one of another account is refused; one is taken away by its owner only", async () => {
    const ctx = context();
    const [ann, bob] = [await addUser("ann"), await addUser("bob")];
    await setUploaderKey(ctx, { userId: ann, text });
    await decideUploaderKey(ctx, { fingerprint: key.fingerprint, state: "approved", repositoryIds: ["test"], by: "root" });

    expect(await setUploaderKey(ctx, { userId: ann, text })).toMatchObject({ state: "approved" });
    await expect(setUploaderKey(ctx, { userId: bob, text })).rejects.toMatchObject({ code: "KEY_TAKEN" });
    const remove = (userId: number) => removeUploaderKey(ctx, { userId, fingerprint: key.fingerprint });
    await expect(remove(bob)).rejects.toMatchObject({ code: "KEY_UNKNOWN" });
    await remove(ann);

    expect([await listUploaderKeys(db.database.read), await inRepository("test")]).toEqual([[], []]);
  });
});
