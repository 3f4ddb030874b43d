import { aptPreferences } from "../operations/index.ts";
import { implement } from "./implementation.ts";
import { formatPreferences } from "./preferences.ts";

export const handleAptPreferences = implement(aptPreferences, (ctx, args) =>
  formatPreferences(
    ctx.instance.origin,
    ctx.views
      .served()
      .filter(({ id }) => args.repositories?.includes(id) !== false)
      .flatMap(({ distributions }) => distributions)
      .filter(({ codename, suite }) => args.codenames?.includes(codename) !== false && args.suites?.includes(suite) !== false),
  ),
);
