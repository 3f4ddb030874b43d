import { isVersion, type Version } from "../formats/index.ts";
import type { Layout, SuiteRules } from "./layout.ts";
import type { Problem } from "./problem.ts";

/** What version rules and port suffixes may contain. */
export const PLACEHOLDERS: readonly string[] = ["%IDENTITY%", "%CODEVERSION%"];

export interface VersionTarget {
  readonly layout: Layout;
  readonly suite: SuiteRules;
  readonly repositoryId: string;
  /** From `codeversion`. */
  readonly codeversion: string;
}

/**
 * Whether a version may enter the suite. The rule is searched in the version, not anchored, as the original does it.
 * The rule must be a regular expression that checkLayout has passed.
 */
export function checkVersionPolicy(target: VersionTarget & { readonly version: Version }): Problem | undefined {
  const rule = ruleOf(target);
  if (rule === undefined) return undefined;

  const expression = fill(rule, target, escapeForExpression);
  if (new RegExp(expression).test(target.version)) return undefined;

  const suffix = portSuffix(target);
  const example = exampleVersion(target.version, target.repositoryId, suffix);
  const isExampleGood = isVersion(example) && new RegExp(expression).test(example);
  const base = `version ${target.version} is not one for suite ${target.suite.name} of repository ${target.repositoryId}`;
  if (!isExampleGood) {
    return {
      code: "VERSION_NOT_FOR_SUITE",
      message: `${base}: it must match ${expression}`,
      hint: "Choose a version that matches",
    };
  }
  return {
    code: "VERSION_NOT_FOR_SUITE",
    message: `${base}: a suffix like ${suffix} is expected (rule: ${expression})`,
    hint: `Use for instance ${example}: dch --newversion '${example}' --force-bad-version`,
  };
}

/** What a port into this suite appends to the version: `~test12+1`. */
export function portSuffix(target: VersionTarget): string {
  const { layout, suite } = target;
  return fill(suite.experimental ? layout.experimentalPortSuffix : layout.portSuffix, target, (text) => text);
}

/** What a port into the distribution it comes from appends: `+rebuilt20261122140645`, UTC. */
export function rebuiltSuffix(at: Date): string {
  return `+rebuilt${at.toISOString().slice(0, 19).replaceAll(/[-:T]/g, "")}`;
}

function ruleOf({ layout, suite }: VersionTarget): string | undefined {
  return suite.experimental ? layout.experimentalVersionRule : layout.versionRule;
}

function fill(template: string, { repositoryId, codeversion }: VersionTarget, escape: (text: string) => string): string {
  return template.replaceAll("%IDENTITY%", () => escape(repositoryId)).replaceAll("%CODEVERSION%", () => escape(codeversion));
}

/** The suffix instead of another one of ours, for instance that of another codename. */
function exampleVersion(version: Version, repositoryId: string, suffix: string): string {
  const ours = new RegExp(`~${escapeForExpression(repositoryId)}~?[A-Za-z0-9]*\\+[0-9].*$`);
  return `${version.replace(ours, "")}${suffix}`;
}

function escapeForExpression(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
