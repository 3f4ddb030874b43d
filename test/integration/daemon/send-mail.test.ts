import { once } from "node:events";
import { createServer } from "node:net";
import { SMTPServer } from "smtp-server";
import { afterEach, describe, expect, test } from "vitest";
import {
  type AccountsContext,
  loadUser,
  logIn,
  register,
  registerAccountJobs,
  setPasswordByLink,
} from "../../../src/accounts/index.ts";
import { mailSender } from "../../../src/daemon/send-mail.ts";
import { JobWorker } from "../../../src/queue/index.ts";
import { silentLogger } from "../../../src/runtime/index.ts";
import { useDatabase } from "../../support/database.ts";

const PASSWORD = "four random words do";
const INSTANCE = { hostname: "buildd.example.org", identity: "acme" };

interface Received {
  readonly from: string;
  readonly to: readonly string[];
  readonly content: string;
}

describe("mail by SMTP", () => {
  const db = useDatabase();
  const received: Received[] = [];
  let server: SMTPServer | undefined;

  afterEach(async () => {
    received.length = 0;
    const closing = server;
    server = undefined;
    if (closing !== undefined) await new Promise<void>((resolve) => closing.close(resolve));
  });

  /** A real mail server; returns its address. */
  async function startServer(options: { readonly refuses?: boolean } = {}): Promise<string> {
    server = new SMTPServer({
      authOptional: true,
      disabledCommands: ["STARTTLS"],
      onRcptTo: (_address, _session, done) => done(options.refuses === true ? new Error("no such mailbox") : null),
      onData: (stream, { envelope }, done) => {
        const from = envelope.mailFrom === false ? "" : envelope.mailFrom.address;
        let content = "";
        stream.on("data", (chunk: Buffer) => {
          content += chunk.toString();
        });
        stream.on("end", () => {
          received.push({ from, to: envelope.rcptTo.map(({ address }) => address), content });
          done();
        });
      },
    });
    const listening = server.listen(0, "127.0.0.1");
    await once(listening, "listening");
    return `smtp://127.0.0.1:${(listening.address() as { port: number }).port}`;
  }

  test("who registers by mail gets a link there, and it lets in", async () => {
    const { database, clock } = db;
    const sendMail = mailSender({ ...INSTANCE, mail: { smtp: await startServer() } });
    const ctx: AccountsContext = {
      database,
      clock,
      logger: silentLogger,
      registration: "mail",
      url: "http://buildd.example.org:8066",
      sendMail,
    };
    const jobs = new JobWorker({
      database,
      clock,
      logger: silentLogger,
      leaseMs: 60_000,
      onFatal: (error) => {
        throw error;
      },
    });
    registerAccountJobs(jobs, ctx);
    jobs.start();
    try {
      await register(ctx, { name: "ann", email: "ann@example.org", peer: "192.0.2.1" });
      await expect.poll(() => received, { timeout: 20_000 }).toHaveLength(1);
    } finally {
      await jobs.stop();
    }

    const [mail] = received;
    expect(mail).toMatchObject({ from: "mini-buildd-acme@buildd.example.org", to: ["ann@example.org"] });
    expect(mail?.content).toMatch(/^Subject: \[mini-buildd\] Your account\r$/m);
    expect(mail?.content).toMatch(/^Auto-Submitted: auto-generated\r$/m);
    const body = (mail?.content ?? "").replaceAll("=\r\n", "").replaceAll("=3D", "=");
    const secret = /\/accounts\/activate\/[\w-]+\/([\w-]+)\//.exec(body)?.[1] ?? "";
    await setPasswordByLink(ctx, { secret, password: PASSWORD, peer: "192.0.2.1" });
    expect((await loadUser(database.read, "ann")).state).toBe("active");
    await logIn(ctx, { name: "ann", password: PASSWORD, peer: "192.0.2.1", client: "a test" });
  });

  test("a server that refuses, and one that is not there, are errors that pass; no password is in them", async () => {
    const mail = { to: "ann@example.org", subject: "x", text: "y" };
    const refusing = mailSender({ ...INSTANCE, mail: { smtp: await startServer({ refuses: true }) } });
    await expect(refusing?.(mail)).rejects.toMatchObject({ kind: "unavailable", code: "MAIL_NOT_SENT" });

    const free = createServer().listen(0, "127.0.0.1");
    await once(free, "listening");
    const { port } = free.address() as { port: number };
    free.close();
    const absent = mailSender({ ...INSTANCE, mail: { smtp: `smtp://user:geheim@127.0.0.1:${port}` } });
    const error = await absent?.(mail).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({
      kind: "unavailable",
      code: "MAIL_NOT_SENT",
      message: `the mail server 127.0.0.1:${port} did not take a mail`,
    });
    expect(JSON.stringify(error)).not.toContain("geheim");
  });

  test("a subject cannot add headers, nor a text end the mail early", async () => {
    const send = mailSender({ ...INSTANCE, mail: { smtp: await startServer() } });

    await send?.({
      to: "ann@example.org",
      subject: "one\r\nBcc: eve@example.org",
      text: "first\n.\nRCPT TO:<eve@example.org>\nlast\n",
    });

    expect(received).toHaveLength(1);
    expect(received[0]?.to).toEqual(["ann@example.org"]);
    expect(received[0]?.content).not.toMatch(/^Bcc:/m);
    expect(received[0]?.content).toContain("last");
  });
});
