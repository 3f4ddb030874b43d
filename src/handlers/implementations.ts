import { handleCancel } from "./cancel.ts";
import { handleCatalogApply, handleCatalogPlan } from "./catalog.ts";
import { handleDputConf } from "./dput-conf.ts";
import { handleEvents } from "./events.ts";
import type { Implementation } from "./implementation.ts";
import { handlePubKey } from "./pub-key.ts";
import { handleSourcesList } from "./sources-list.ts";
import { handleStatus } from "./status.ts";
import { handleUpload } from "./upload.ts";

/** One for every entry of `operations`. */
export const implementations: readonly Implementation[] = [
  handleStatus,
  handleEvents,
  handleUpload,
  handlePubKey,
  handleDputConf,
  handleSourcesList,
  handleCancel,
  handleCatalogPlan,
  handleCatalogApply,
];
