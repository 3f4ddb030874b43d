/**
 * handlers: what each operation does, as one call into the modules below. No decision is made here; every edge (http,
 * the control socket) comes in through `callOperation`, which checks permission and arguments first.
 */

export { type Call, callOperation } from "./call.ts";
export type { Caller, CatalogChanges, InstanceFacts, OperationContext } from "./context.ts";
export {
  type AptSource,
  aptSourceLine,
  aptSourceStanza,
  dputConfiguration,
  dputHttpConfiguration,
  repositoryUri,
} from "./snippets.ts";
