import { builtInLayouts, checkLayout, type Layout } from "../rules/index.ts";
import type { CatalogDocument, LayoutDocument } from "./document.ts";

/** The layouts that repositories of a document may use, by name: those built in, and its own. */
export function layoutsOf(document: CatalogDocument): Map<string, Layout> {
  const own = Object.entries(document.layouts).map(([name, layout]) => ownLayout(name, layout));
  return new Map([...builtInLayouts, ...own].map((layout) => [layout.name, layout]));
}

/** What is wrong with a document's own layouts. */
export function layoutProblems(document: CatalogDocument): { name: string; message: string }[] {
  const builtIn = builtInLayouts.map((layout) => layout.name);
  return Object.entries(document.layouts).flatMap(([name, layout]) => {
    const messages = checkLayout(ownLayout(name, layout)).map((problem) => problem.message);
    if (builtIn.includes(name)) messages.push(`"${name}" is built in: use another name`);
    return messages.map((message) => ({ name, message }));
  });
}

function ownLayout(name: string, layout: LayoutDocument): Layout {
  return {
    name,
    suites: Object.entries(layout.suites).map(([suiteName, suite]) => ({
      name: suiteName,
      uploadable: suite.uploadable,
      experimental: suite.experimental,
      migratesTo: suite["migrates-to"],
      keep: suite.keep,
      notAutomatic: suite["not-automatic"],
      butAutomaticUpgrades: suite["but-automatic-upgrades"],
      rollbacks: suite.rollbacks,
      aptPriority: suite["apt-priority"],
      keyringPackages: suite["keyring-packages"],
      validDays: suite["valid-days"],
      zstd: suite.zstd,
      retention: {
        keepDays: suite["keep-days"],
        historyDays: suite["history-days"],
        snapshots: {
          weekly: suite["weekly-snapshots"],
          monthly: suite["monthly-snapshots"],
          yearly: suite["yearly-snapshots"],
        },
      },
    })),
    versionRule: layout["version-rule"],
    experimentalVersionRule: layout["experimental-version-rule"],
    portSuffix: layout["port-suffix"],
    experimentalPortSuffix: layout["experimental-port-suffix"],
    metaDistributions: layout["meta-distributions"],
  };
}
