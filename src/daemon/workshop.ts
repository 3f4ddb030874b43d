import { join } from "node:path";
import type { Catalog } from "../catalog/index.ts";
import type { OpenWorkshop, Workshop } from "../packager/index.ts";
import type { Session, Testbeds } from "../testbed/index.ts";
import { baseRequest } from "./testbed-layers.ts";

/** The ordinary user of every base layer. */
const USER = "sbuild";
const PLACE = "/build";

/** Where the packager unpacks and packs sources: sessions on the base layer of their release, which has dpkg-dev. */
export function workshopOf(testbeds: Testbeds, catalog: () => Catalog): OpenWorkshop {
  return async (codename, signal) => {
    const base = await testbeds.ensureBaseLayer({ ...baseRequest(catalog(), codename, undefined), signal });
    const session = await testbeds.startSession({ layers: [base.id], signal });
    return sessionWorkshop(session);
  };
}

/** One session as a workshop; closing it closes the session. */
export function sessionWorkshop(session: Session): Workshop {
  return {
    run: ({ argv, cwd, env, input = "", timeoutMs, outputBytesMax, signal }) =>
      session.run({ argv, cwd, input, timeoutMs, outputBytesMax, signal, user: USER, env: { HOME: PLACE, ...env } }),
    async copyIn(fromDirectory, toDirectory) {
      await session.runChecked({ argv: ["mkdir", "-p", "--", join(toDirectory)] });
      await session.copyIn(fromDirectory, toDirectory);
      await session.runChecked({ argv: ["chown", "-R", "--no-dereference", `${USER}:${USER}`, PLACE] });
    },
    copyOut: (insidePath, toPath, { sizeBytesMax }) => session.copyOut(insidePath, toPath, { sizeBytesMax }),
    close: () => session.close(),
  };
}
