import { createServer, Server } from "node:net";
import { expect, test } from "vitest";
import { listenOnPort } from "./listen.ts";

/** A machine on which sockets of IPv6 fail as the kernel lets them fail. */
class ServerWithoutIpv6 extends Server {
  readonly code: string;

  constructor(code: string) {
    super();
    this.code = code;
  }

  override listen(...given: unknown[]): this {
    const [where] = given as [{ host: string; port: number }];
    if (!where.host.includes(":")) return super.listen(where);
    process.nextTick(() => this.emit("error", Object.assign(new Error(`listen ${this.code}`), { code: this.code })));
    return this;
  }
}

test.each(["EAFNOSUPPORT", "EADDRNOTAVAIL"])("without IPv6 (%s) every address is every one of IPv4", async (code) => {
  const server = new ServerWithoutIpv6(code);

  const address = await listenOnPort(server, { host: "::", port: 0 });

  expect([address, server.address()]).toEqual(["0.0.0.0", expect.objectContaining({ address: "0.0.0.0", family: "IPv4" })]);
  server.close();
});

test("an address that was asked for by name is not replaced", async () => {
  const server = new ServerWithoutIpv6("EADDRNOTAVAIL");

  await expect(listenOnPort(server, { host: "::1", port: 0 })).rejects.toMatchObject({ code: "EADDRNOTAVAIL" });
  expect(server.listening).toBe(false);
});

test("a port that is taken is an error, and no other family is tried", async () => {
  const first = createServer();
  await listenOnPort(first, { host: "0.0.0.0", port: 0 });
  const { port } = first.address() as { port: number };

  await expect(listenOnPort(createServer(), { host: "0.0.0.0", port })).rejects.toMatchObject({ code: "EADDRINUSE" });
  first.close();
});
