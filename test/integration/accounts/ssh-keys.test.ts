import { randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import {
  type AccountsContext,
  changeUser,
  createUser,
  isSshKeyOf,
  listSshKeys,
  loadUser,
  removeSshKey,
  setSshKey,
} from "../../../src/accounts/index.ts";
import { silentLogger } from "../../../src/runtime/index.ts";
import { engines, useDatabase } from "../../support/database.ts";

function newKey(): { blob: Buffer; text: string } {
  const head = Buffer.concat([Buffer.from([0, 0, 0, 11]), Buffer.from("ssh-ed25519"), Buffer.from([0, 0, 0, 32])]);
  const blob = Buffer.concat([head, randomBytes(32)]);
  return { blob, text: `ssh-ed25519 ${blob.toString("base64")} laptop` };
}

describe.each(engines)("SSH keys on %s", (engine) => {
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

  test("a key lets its owner in, nobody else, until it is taken away", async () => {
    const ctx = context();
    const [ann] = [await addUser("ann"), await addUser("bob")];
    const { blob: key, text } = newKey();
    const { fingerprint } = await setSshKey(ctx, { userId: ann, text });

    expect(await isSshKeyOf(ctx, { name: "Ann", key })).toBe(true);
    expect(await isSshKeyOf(ctx, { name: "bob", key })).toBe(false);
    expect(await isSshKeyOf(ctx, { name: "nobody", key })).toBe(false);
    expect(await isSshKeyOf(ctx, { name: "ann", key: newKey().blob })).toBe(false);
    expect(await listSshKeys(db.database.read, ann)).toMatchObject([
      { fingerprint, comment: "laptop", lastUsedAt: expect.any(Date) },
    ]);

    await removeSshKey(ctx, { userId: ann, fingerprint });
    expect(await isSshKeyOf(ctx, { name: "ann", key })).toBe(false);
    await expect(removeSshKey(ctx, { userId: ann, fingerprint })).rejects.toMatchObject({ code: "SSH_KEY_UNKNOWN" });
  });

  test("who is disabled is not let in", async () => {
    const ctx = context();
    const userId = await addUser("ann");
    const { blob: key, text } = newKey();
    await setSshKey(ctx, { userId, text });

    await changeUser(ctx, { name: "ann", state: "disabled" });

    expect(await isSshKeyOf(ctx, { name: "ann", key })).toBe(false);
  });

  test("a key belongs to one account, which cannot take away another's; setting it again changes its comment", async () => {
    const ctx = context();
    const [ann, bob] = [await addUser("ann"), await addUser("bob")];
    const { text } = newKey();
    const { fingerprint } = await setSshKey(ctx, { userId: ann, text });

    await expect(setSshKey(ctx, { userId: bob, text })).rejects.toMatchObject({ code: "SSH_KEY_TAKEN" });
    await expect(removeSshKey(ctx, { userId: bob, fingerprint })).rejects.toMatchObject({ code: "SSH_KEY_UNKNOWN" });
    expect(await setSshKey(ctx, { userId: ann, text: text.replace("laptop", "desk") })).toMatchObject({ comment: "desk" });
  });
});
