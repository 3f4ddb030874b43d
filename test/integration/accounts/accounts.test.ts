import { describe, expect, test } from "vitest";
import {
  type AccountsContext,
  askForPasswordReset,
  changePassword,
  changeUser,
  createApiToken,
  createUser,
  createUserLink,
  endLoginSessions,
  findLinkUser,
  findPrincipalBySession,
  findPrincipalByToken,
  listApiTokens,
  listAudit,
  listLoginSessions,
  loadUser,
  logIn,
  type Mail,
  purgeAccounts,
  register,
  registerAccountJobs,
  removeApiToken,
  setPasswordByLink,
  setRepositoryRights,
} from "../../../src/accounts/index.ts";
import { JobWorker } from "../../../src/queue/index.ts";
import { monotonicMs, silentLogger } from "../../../src/runtime/index.ts";
import { engines, useDatabase } from "../../support/database.ts";

const PASSWORD = "four random words do";
const DAY_MS = 24 * 60 * 60 * 1000;
const peer = "192.0.2.1";

describe.each(engines)("accounts on %s", (engine) => {
  const db = useDatabase(engine);

  function context(change: Partial<AccountsContext> = {}): AccountsContext {
    const { database, clock } = db;
    const url = "http://mini-buildd.example.org:8066";
    return { database, clock, logger: silentLogger, registration: "closed", url, sendMail: undefined, ...change };
  }

  async function addUser(ctx: AccountsContext, name: string, role: "login" | "staff" | "admin" = "login"): Promise<number> {
    const { link } = await createUser(ctx, { name, email: `${name}@example.org`, role });
    await setPasswordByLink(ctx, { secret: secretOf(link), password: PASSWORD, peer });
    return (await loadUser(db.database.read, name)).id;
  }

  const login = (ctx: AccountsContext, name: string, password = PASSWORD, from = peer) =>
    logIn(ctx, { name, password, peer: from, client: "a test" });

  test("a user made by an administrator sets a password by a link that works once, and logs in", async () => {
    const ctx = context();
    const { link } = await createUser(ctx, { name: "Ann", email: "ann@example.org", role: "staff" });

    await expect(login(ctx, "Ann")).rejects.toMatchObject({ code: "LOGIN_FAILED" });
    await setPasswordByLink(ctx, { secret: secretOf(link), password: PASSWORD, peer });
    const { secret } = await login(ctx, "ann");

    expect(await findPrincipalBySession(ctx, secret)).toMatchObject({ name: "Ann", access: "staff", rights: [] });
    await expect(setPasswordByLink(ctx, { secret: secretOf(link), password: PASSWORD, peer })).rejects.toMatchObject({
      code: "ACCOUNT_LINK_INVALID",
    });
    await expect(createUser(ctx, { name: "ANN", email: "x@example.org", role: "login" })).rejects.toMatchObject({
      code: "USER_EXISTS",
    });
  });

  test("a link has the original's address, and opens nothing for another user", async () => {
    const ctx = context();
    const { link } = await createUser(ctx, { name: "ann", email: "ann@example.org", role: "login" });
    await addUser(ctx, "bob");
    const [, uid = "", secret = ""] = /\/accounts\/activate\/([\w-]+)\/([\w-]+)\/$/.exec(link) ?? [];
    const { id } = await loadUser(db.database.read, "ann");

    expect(Buffer.from(uid, "base64url").toString()).toBe(String(id));
    expect(await findLinkUser(ctx, { uid, secret })).toMatchObject({ name: "ann" });
    expect(await findLinkUser(ctx, { secret })).toMatchObject({ name: "ann" });
    const others = Buffer.from(String(id + 1)).toString("base64url");
    const wrong = { uid: others, secret, password: PASSWORD, peer };
    await expect(setPasswordByLink(ctx, wrong)).rejects.toMatchObject({ code: "ACCOUNT_LINK_INVALID" });
  });

  test("a link ends after three days, and when a newer one is made", async () => {
    const ctx = context();
    const { link: first } = await createUser(ctx, { name: "ann", email: "a@example.org", role: "login" });
    const { link: second } = await createUserLink(ctx, "ann");
    const use = (link: string) => setPasswordByLink(ctx, { secret: secretOf(link), password: PASSWORD, peer });

    await expect(use(first)).rejects.toMatchObject({ code: "ACCOUNT_LINK_INVALID" });
    db.clock.advance(3 * DAY_MS);
    await expect(use(second)).rejects.toMatchObject({ code: "ACCOUNT_LINK_INVALID" });
  });

  test("an unknown name, a wrong password and a disabled account give the same answer", async () => {
    const ctx = context();
    await addUser(ctx, "ann");
    await addUser(ctx, "bob");
    await changeUser(ctx, { name: "bob", state: "disabled" });

    const answers = [];
    for (const [name, password] of [
      ["nobody", PASSWORD],
      ["ann", "wrong password"],
      ["bob", PASSWORD],
    ] as const) {
      answers.push(await login(ctx, name, password).catch((error: unknown) => error));
    }

    expect(new Set(answers.map((error) => JSON.stringify([error, String(error)]))).size).toBe(1);
    expect(answers[0]).toMatchObject({ code: "LOGIN_FAILED", kind: "unauthenticated" });
  });

  test("a name that nobody has takes as long as one that somebody has: the hash is computed all the same", async () => {
    const ctx = context();
    await addUser(ctx, "ann");
    const timed = async (name: string, number: number): Promise<number> => {
      const startedMs = monotonicMs();
      await expect(login(ctx, name, "a wrong password", `192.0.2.${number}`)).rejects.toMatchObject({ code: "LOGIN_FAILED" });
      return monotonicMs() - startedMs;
    };

    const known: number[] = [];
    const unknown: number[] = [];
    for (let number = 1; number <= 15; number += 1) {
      known.push(await timed("ann", number));
      unknown.push(await timed(`nobody${number}`, number));
    }

    // Without the hash it is a thirtieth. The quickest of many, taken in turn, is about the same on a busy machine, too.
    const ratio = Math.min(...unknown) / Math.min(...known);
    expect(ratio).toBeGreaterThan(0.5);
    expect(ratio).toBeLessThan(2);
  });

  test("wrong passwords are slowed down where they come from, and the owner elsewhere is not locked out", async () => {
    const ctx = context();
    await addUser(ctx, "ann");
    for (let count = 0; count < 6; count++)
      await expect(login(ctx, "ann", "wrong password")).rejects.toMatchObject({ code: "LOGIN_FAILED" });

    await expect(login(ctx, "ann")).rejects.toMatchObject({ code: "TOO_MANY_ATTEMPTS", hint: "Try again in 1 s" });
    expect(await login(ctx, "ann", PASSWORD, "198.51.100.7")).toMatchObject({ user: { name: "ann" } });

    db.clock.advance(1001);
    await expect(login(ctx, "ann", "wrong password")).rejects.toMatchObject({ code: "LOGIN_FAILED" });
    await expect(login(ctx, "ann")).rejects.toMatchObject({ hint: "Try again in 2 s" });
    db.clock.advance(2001);
    await login(ctx, "ann");
    await login(ctx, "ann");
  });

  test("passwords tried at the same time are counted too", async () => {
    const ctx = context();
    await addUser(ctx, "ann");

    const codes = await Promise.all(
      Array.from({ length: 12 }, () => login(ctx, "ann", "wrong password").catch((error: { code: string }) => error.code)),
    );

    expect(codes.filter((code) => code === "LOGIN_FAILED")).toHaveLength(6);
  });

  test("sessions are listed, end one by one, by time, with the password and with the account", async () => {
    const ctx = context();
    const userId = await addUser(ctx, "ann");
    const first = (await login(ctx, "ann")).secret;
    const second = (await login(ctx, "ann")).secret;
    const list = () => listLoginSessions(db.database.read, userId, db.clock.now());
    const [, oldest] = await list();

    expect(await list()).toMatchObject([{ peer, client: "a test" }, { peer }]);
    await db.database.transaction((tx) => endLoginSessions(tx, { userId, id: (oldest ?? { id: "" }).id }));
    expect(await list()).toHaveLength(1);

    const third = (await login(ctx, "ann")).secret;
    const sessionId = (await findPrincipalBySession(ctx, third))?.sessionId;
    await changePassword(ctx, { userId, sessionId, old: PASSWORD, new: "another one, longer", actor: { name: "ann", peer } });
    expect(await findPrincipalBySession(ctx, third)).toMatchObject({ name: "ann" });
    expect([await findPrincipalBySession(ctx, first), await findPrincipalBySession(ctx, second)]).toEqual([undefined, undefined]);

    db.clock.advance(13 * DAY_MS);
    expect(await findPrincipalBySession(ctx, third)).toBeDefined();
    db.clock.advance(13 * DAY_MS);
    expect(await findPrincipalBySession(ctx, third)).toBeDefined();
    await changeUser(ctx, { name: "ann", state: "disabled" });
    expect(await findPrincipalBySession(ctx, third)).toBeUndefined();
  });

  test("a session that nobody uses ends, and is forgotten", async () => {
    const ctx = context();
    const userId = await addUser(ctx, "ann");
    const { secret } = await login(ctx, "ann");

    db.clock.advance(14 * DAY_MS);
    await purgeAccounts(ctx);

    expect(await findPrincipalBySession(ctx, secret)).toBeUndefined();
    expect(await db.database.read.selectFrom("login_sessions").select("id").where("user_id", "=", userId).execute()).toEqual([]);
  });

  test("a client that logs in for every call does not pile up sessions", async () => {
    const ctx = context();
    const userId = await addUser(ctx, "ann");
    await db.database.transaction(async (tx) => {
      const old = { user_id: userId, peer, client: "", created_at: "2000-01-01", last_used_at: "", expires_at: "9999" };
      for (let number = 0; number < 60; number++) {
        await tx
          .insertInto("login_sessions")
          .values({ ...old, id: `${number}`, secret_hash: `${number}` })
          .execute();
      }
    });

    const { secret } = await login(ctx, "ann");

    expect(await findPrincipalBySession(ctx, secret)).toBeDefined();
    expect(await listLoginSessions(db.database.read, userId, db.clock.now())).toHaveLength(50);
  });

  test("a token may do no more than its scope and no more than its user, until it ends or is revoked", async () => {
    const ctx = context();
    const userId = await addUser(ctx, "ann", "staff");
    await setRepositoryRights(ctx, { user: "ann", repositoryId: "test", rights: ["manage"], grantedBy: "root" });
    const make = (access: "none" | "login" | "staff" | "admin", operations?: string[]) =>
      createApiToken(ctx, {
        userId,
        name: "ci",
        access,
        operations,
        days: 10,
        maker: { access: "admin", operations: undefined },
      });
    const admin = await make("admin");
    const low = await make("login", ["ls"]);

    expect(await findPrincipalByToken(ctx, admin.token)).toMatchObject({ access: "staff", rights: [{ right: "manage" }] });
    expect(await findPrincipalByToken(ctx, low.token)).toMatchObject({ access: "login", rights: [], operations: ["ls"] });
    expect(await findPrincipalByToken(ctx, `${admin.token}x`)).toBeUndefined();
    expect(await listApiTokens(db.database.read, userId)).toMatchObject([{ lastUsedAt: db.clock.now() }, {}]);
    const rows = await db.database.read.selectFrom("api_tokens").selectAll().execute();
    expect(JSON.stringify(rows)).not.toContain(admin.token.slice(4));

    await removeApiToken(ctx, { userId, id: low.id });
    db.clock.advance(10 * DAY_MS);
    expect([await findPrincipalByToken(ctx, low.token), await findPrincipalByToken(ctx, admin.token)]).toEqual([
      undefined,
      undefined,
    ]);
    await expect(removeApiToken(ctx, { userId: userId + 1, id: admin.id })).rejects.toMatchObject({ code: "TOKEN_UNKNOWN" });
  });

  test("a token makes no token that may do more than itself", async () => {
    const ctx = context();
    const userId = await addUser(ctx, "root", "admin");
    const make = (access: "login" | "admin", maker: { access: "login" | "admin"; operations: string[] | undefined }) =>
      createApiToken(ctx, { userId, name: "more", access, operations: undefined, days: 1, maker });

    await expect(make("admin", { access: "login", operations: undefined })).rejects.toMatchObject({ code: "TOKEN_SCOPE" });
    await expect(make("login", { access: "admin", operations: ["token_create"] })).rejects.toMatchObject({ code: "TOKEN_SCOPE" });
    expect(await make("login", { access: "login", operations: undefined })).toBeDefined();
  });

  test("the last administrator stays", async () => {
    const ctx = context();
    await addUser(ctx, "root", "admin");

    await expect(changeUser(ctx, { name: "root", role: "staff" })).rejects.toMatchObject({ code: "LAST_ADMINISTRATOR" });
    await expect(changeUser(ctx, { name: "root", state: "disabled" })).rejects.toMatchObject({ code: "LAST_ADMINISTRATOR" });
    await addUser(ctx, "second", "admin");
    await changeUser(ctx, { name: "root", role: "staff" });

    expect(await loadUser(db.database.read, "root")).toMatchObject({ role: "staff", state: "active" });
  });

  test("with approval, who asks waits for an administrator; the answer does not tell which names are taken", async () => {
    const ctx = context({ registration: "approval" });
    const ask = (name: string) => register(ctx, { name, email: "new@example.org", password: PASSWORD, peer });
    await ask("ann");
    await ask("ann");

    await expect(login(ctx, "ann")).rejects.toMatchObject({ code: "LOGIN_FAILED" });
    await changeUser(ctx, { name: "ann", state: "active" });
    expect(await login(ctx, "ann")).toBeDefined();
    expect(await listAudit(db.database.read, { act: "register", limit: 10 })).toMatchObject([
      { outcome: "refused" },
      { outcome: "done" },
    ]);
    await expect(register(context(), { name: "bob", email: "b@example.org", password: PASSWORD, peer })).rejects.toMatchObject({
      code: "REGISTRATION_CLOSED",
    });
  });

  test("with mail, a link that arrives lets in; a reset by mail needs an active account and says nothing else", async () => {
    const mails: Mail[] = [];
    const ctx = context({ registration: "mail", sendMail: (mail) => Promise.resolve(void mails.push(mail)) });
    const worker = new JobWorker({
      database: db.database,
      clock: db.clock,
      logger: silentLogger,
      leaseMs: 30_000,
      onFatal: () => {},
    });
    registerAccountJobs(worker, ctx);
    worker.start();

    await register(ctx, { name: "ann", email: "ann@example.org", peer });
    await expect.poll(() => mails).toHaveLength(1);
    const secret = secretOf(mails[0]?.text ?? "");
    await setPasswordByLink(ctx, { secret, password: PASSWORD, peer });
    await login(ctx, "ann");

    for (const nameOrEmail of ["nobody", "nobody@example.org", "ANN@example.org"])
      await askForPasswordReset(ctx, { nameOrEmail, peer });
    await askForPasswordReset(ctx, { nameOrEmail: "ann@example.org", peer });
    await expect.poll(() => mails).toHaveLength(2);
    await worker.stop();

    expect(mails[1]).toMatchObject({ to: "ann@example.org", subject: "[mini-buildd] A new password" });
    await expect(askForPasswordReset(context(), { nameOrEmail: "ann", peer })).rejects.toMatchObject({
      code: "MAIL_NOT_CONFIGURED",
    });
  });

  test.each([
    ["short", "PASSWORD_UNFIT"],
    ["aaaaaaaaaaaaaaa", "PASSWORD_UNFIT"],
    ["my name is Ann, hello", "PASSWORD_UNFIT"],
    ["x".repeat(100_000), "PASSWORD_UNFIT"],
  ])("password %j is refused", async (password, code) => {
    const ctx = context();
    const { link } = await createUser(ctx, { name: "ann", email: "a@example.org", role: "login" });

    await expect(setPasswordByLink(ctx, { secret: secretOf(link), password, peer })).rejects.toMatchObject({ code });
  });

  test.each(["", "a b", "-x", "../x", "x".repeat(80), "a\n"])("%j is no name", async (name) => {
    await expect(createUser(context(), { name, email: "a@example.org", role: "login" })).rejects.toMatchObject({
      code: "USER_NAME_INVALID",
    });
  });
});

function secretOf(text: string): string {
  return /\/accounts\/activate\/[\w-]+\/([\w-]+)\//.exec(text)?.[1] ?? "";
}
