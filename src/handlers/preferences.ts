import type { ServedDistribution } from "../views/index.ts";

/** A file for preferences.d. A distribution without an advised priority keeps what the flags of its Release file say. */
export function formatPreferences(origin: string, distributions: readonly ServedDistribution[]): string {
  const stanzas = distributions.flatMap(({ name, aptPriority }) =>
    aptPriority === undefined ? [] : [`Package: *\nPin: release ${selector(origin, name)}\nPin-Priority: ${aptPriority}\n`],
  );
  const head = "Explanation: advised APT priorities; save as /etc/apt/preferences.d/mini-buildd\n";
  if (stanzas.length > 0) return `${head}${stanzas.join("\n")}`;
  return "# No priorities are advised: those of the Release files count.\n";
}

/** Selectors are separated by commas, and apt knows no way to write one in a name. */
function selector(origin: string, name: string): string {
  return origin.includes(",") ? `n=${name}` : `o=${origin}, n=${name}`;
}
