/**
 * handlers: what each operation does, as one call into the modules below. No decision is made here; every edge (http,
 * the control socket) comes in through `callOperation`, which checks permission and arguments first.
 */

export { requirePermission } from "./authorise.ts";
export { type Call, callOperation } from "./call.ts";
export type { CatalogChanges, InstanceFacts, MovementActs, OperationContext, UploadEncryption } from "./context.ts";
export type { EngineActs } from "./engine-acts.ts";
export { followLog } from "./follow-log.ts";
export type { HistoryActs, HistoryDifference } from "./history-acts.ts";
export type { LogActs } from "./log-acts.ts";
export type { MirrorRequest, MirrorView, OwnSourceActs } from "./own-source-acts.ts";
export { formatPreferences } from "./preferences.ts";
export {
  type AptSource,
  aptSourceLine,
  aptSourceStanza,
  type DputSection,
  dputConfiguration,
  dputEncryptedConfigurations,
  dputHttpConfiguration,
  dputNgProfile,
  repositoryUri,
} from "./snippets.ts";
export type { Caller, Permission, Visitor, VisitorSession } from "./visitor.ts";
