import { isCodename, isSuiteName } from "../formats/index.ts";
import { findSuite, type Layout, type SuiteRules } from "./layout.ts";
import type { Problem } from "./problem.ts";
import { PLACEHOLDERS } from "./version-policy.ts";

const KEEP_MAX = 1000;
const APT_PRIORITY_MAX = 32_767;

/** Everything that is wrong with a layout, all at once; empty when it can be used. */
export function checkLayout(layout: Layout): Problem[] {
  return [
    ...checkSuiteNames(layout),
    ...layout.suites.flatMap((suite) => [...checkSuite(suite), ...checkMigration(layout, suite)]),
    ...checkVersionRule("version rule", layout.versionRule),
    ...checkVersionRule("experimental version rule", layout.experimentalVersionRule),
    ...checkMetaDistributions(layout),
  ].map((message) => ({ code: "LAYOUT_INVALID", message: `layout ${layout.name}: ${message}` }));
}

function checkSuiteNames({ suites }: Layout): string[] {
  const names = suites.map((suite) => suite.name);
  const bad = names
    .filter((name) => !isSuiteName(name))
    .map((name) => `"${name}" is no name of a suite: lower-case letters only`);
  const twice = names.filter((name, index) => names.indexOf(name) !== index).map((name) => `suite ${name} occurs twice`);
  const none = suites.some((suite) => suite.uploadable) ? [] : ["no suite is uploadable, so nothing could come in"];
  return [...bad, ...twice, ...none];
}

function checkSuite(suite: SuiteRules): string[] {
  const wrongKeep = !Number.isInteger(suite.keep) || suite.keep < 0 || suite.keep > KEEP_MAX;
  const { rollbacks, aptPriority = 500 } = suite;
  return [
    rollbacks !== undefined &&
      rollbacks > suite.keep &&
      `suite ${suite.name} shows ${rollbacks} rollbacks, and keeps only ${suite.keep} older versions`,
    (aptPriority === 0 || !Number.isInteger(aptPriority) || aptPriority < -1 || aptPriority > APT_PRIORITY_MAX) &&
      `suite ${suite.name}: apt-priority ${aptPriority} is no priority: -1, or 1 to ${APT_PRIORITY_MAX}`,
    wrongKeep && `suite ${suite.name} keeps ${suite.keep} older versions, which is no number from 0 to ${KEEP_MAX}`,
    suite.experimental && !suite.uploadable && `experimental suite ${suite.name} must be uploadable`,
    suite.butAutomaticUpgrades &&
      !suite.notAutomatic &&
      `suite ${suite.name}: but-automatic-upgrades means nothing without not-automatic`,
  ].filter((message) => message !== false);
}

function checkMigration(layout: Layout, suite: SuiteRules): string[] {
  if (suite.migratesTo === undefined) return [];

  const path = `suite ${suite.name} migrates to ${suite.migratesTo}`;
  const target = findSuite(layout, suite.migratesTo);
  if (suite.experimental) return [`experimental suite ${suite.name} must not migrate, but does to ${suite.migratesTo}`];
  if (target === undefined) return [`${path}, which is not in the layout`];
  if (target.uploadable) return [`${path}, which is uploadable: what migrates there could be overtaken by uploads`];
  return comesBack(layout, suite) ? [`${path}, and from there back to itself`] : [];
}

function comesBack(layout: Layout, start: SuiteRules): boolean {
  let suite: SuiteRules | undefined = start;
  for (let step = 0; step < layout.suites.length; step += 1) {
    const next: string | undefined = suite?.migratesTo;
    if (next === undefined) return false;
    if (next === start.name) return true;
    suite = findSuite(layout, next);
  }
  return false;
}

function checkVersionRule(what: string, rule: string | undefined): string[] {
  if (rule === undefined) return [];

  const unknown = [...rule.matchAll(/%[A-Z]+%/g)].map(([name]) => name).filter((name) => !PLACEHOLDERS.includes(name));
  const problems = unknown.map(
    (name) => `the ${what} has the unknown placeholder ${name}; there are ${PLACEHOLDERS.join(" and ")}`,
  );
  return isExpression(rule) ? problems : [...problems, `the ${what} is no regular expression: ${rule}`];
}

function isExpression(text: string): boolean {
  try {
    return new RegExp(text) instanceof RegExp;
  } catch {
    return false;
  }
}

function checkMetaDistributions(layout: Layout): string[] {
  return Object.entries(layout.metaDistributions ?? {}).flatMap(([meta, target]) => {
    const [codename = "", suiteName = "", rest] = target.split("-");
    const suite = findSuite(layout, suiteName);
    const path = `meta-distribution ${meta}=${target}`;
    if (!isCodename(codename) || suiteName === "" || rest !== undefined)
      return [`${path} is not of the form META=CODENAME-SUITE`];
    if (suite === undefined) return [`${path}: suite ${suiteName} is not in the layout`];
    return suite.uploadable ? [] : [`${path}: suite ${suiteName} is not uploadable`];
  });
}
