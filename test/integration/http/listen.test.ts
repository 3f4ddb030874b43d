import { expect, test } from "vitest";
import { createHttpServer } from "../../../src/http/index.ts";
import { defaultLimits, silentLogger } from "../../../src/runtime/index.ts";
import { TestSite } from "../../support/site.ts";

test("a server on an IPv6 address answers on the same port of the loopback too, for our own builds", async () => {
  const site = await TestSite.open();
  const server = createHttpServer({ context: site.context, logger: silentLogger, limits: defaultLimits });
  try {
    const { port } = await server.listen({ endpoints: [{ port: 0, address: "::1" }], alsoAddress: "127.0.0.1" });

    for (const host of ["[::1]", "127.0.0.1"]) {
      expect((await fetch(`http://${host}:${port}/mini_buildd/api/status/`)).status).toBe(200);
    }
  } finally {
    await server.close();
    await site.close();
  }
});
