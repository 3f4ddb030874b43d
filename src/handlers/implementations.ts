import { handleCancel } from "./cancel.ts";
import { handleCatalogApply, handleCatalogPlan } from "./catalog.ts";
import { handleDputConf } from "./dput-conf.ts";
import { handleEvents } from "./events.ts";
import type { Implementation } from "./implementation.ts";
import { handleLs } from "./ls.ts";
import { handlePubKey } from "./pub-key.ts";
import { handleShow } from "./show.ts";
import { handleSourcesList } from "./sources-list.ts";
import { handleStatus } from "./status.ts";
import { handleUpload } from "./upload.ts";

/** One for every entry of `operations`. */
export const implementations: readonly Implementation[] = [
  handleStatus,
  handleEvents,
  handleUpload,
  handleLs,
  handleShow,
  handlePubKey,
  handleDputConf,
  handleSourcesList,
  handleCancel,
  handleCatalogPlan,
  handleCatalogApply,
];
