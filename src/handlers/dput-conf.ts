import { dputConf } from "../operations/index.ts";
import { implement } from "./implementation.ts";
import { dputConfiguration, dputEncryptedConfigurations, dputNgProfile } from "./snippets.ts";

export const handleDputConf = implement(dputConf, async (ctx, args) => {
  if (args.dput_ng_profile) return dputNgProfile(ctx.instance);
  const global = args.without_global ? "" : await ctx.dputGlobal();
  // What nobody has configured is not said to who only asks for the address, as the original says it.
  const encrypted = dputEncryptedConfigurations(ctx.instance).filter(({ method }) => method !== "ftps");
  return global + [dputConfiguration(ctx.instance), ...encrypted.map(({ text }) => text)].join("\n");
});
