import { z } from "zod";
import { defineOperation, type Operation } from "./operation.ts";
import { flag, integer, list, optionalText, requiredText } from "./parameter.ts";

/**
 * Calls of the original whose engine comes with a later part: they have their arguments and their access, and answer
 * that they are not available yet. This list only shrinks.
 */
const subscription = {
  source: optionalText("source package; empty: all", { positional: true }),
  distribution: optionalText("distribution; empty: all", { positional: true }),
};
const portOptions = optionalText("upload options separated by | (default: lintian-mode=ignore)", { short: "O" });

export const notYetOperations: readonly Operation[] = [
  defineOperation({
    name: "debdiff",
    summary: "Compare two versions of a source package (not available yet)",
    access: "none",
    parameters: {
      source: requiredText("source package name", { positional: true }),
      repository: requiredText("repository id", { positional: true }),
      versiona: optionalText("older version", { short: "a" }),
      versionb: optionalText("newer version", { short: "b" }),
    },
    result: z.string(),
    example: { source: "hello", repository: "test" },
  }),
  defineOperation({
    name: "port",
    summary: "Rebuild a source package for other distributions (not available yet)",
    access: "staff",
    changesState: true,
    repositoryRight: { right: "migrate", distributions: ["to_distributions"] },
    parameters: {
      source: requiredText("source package name", { positional: true }),
      from_distribution: requiredText("distribution it is in", { positional: true }),
      to_distributions: requiredText("distributions to build it for, comma-separated", { positional: true }),
      version: optionalText("version, when not the newest", { short: "V" }),
      options: portOptions,
    },
    result: z.array(z.object({ dsc_url: z.string(), source: z.string(), distribution: z.string(), version: z.string() })),
    example: { source: "hello", from_distribution: "trixie-test-unstable", to_distributions: "bookworm-test-unstable" },
  }),
  defineOperation({
    name: "port_ext",
    summary: "Rebuild a source package from elsewhere (not available yet)",
    access: "staff",
    changesState: true,
    repositoryRight: { right: "migrate", distributions: ["distributions"] },
    parameters: {
      dsc: requiredText("URL of the .dsc", { positional: true }),
      distributions: requiredText("distributions to build it for, comma-separated", { positional: true }),
      allow_unauthenticated: flag("Also when nobody known has signed it", { short: "u" }),
      options: portOptions,
    },
    result: z.array(z.object({ dsc_url: z.string(), source: z.string(), distribution: z.string(), version: z.string() })),
    example: { dsc: "http://archive.example.org/hello_2.10-3.dsc", distributions: "bookworm-test-unstable" },
  }),
  defineOperation({
    name: "subscribe",
    summary: "Get mail about packages (not available yet)",
    access: "login",
    changesState: true,
    parameters: subscription,
    result: z.object({ created: z.boolean(), source: z.string(), distribution: z.string() }),
  }),
  defineOperation({
    name: "unsubscribe",
    summary: "Get no mail about packages any more (not available yet)",
    access: "login",
    changesState: true,
    parameters: subscription,
    result: z.object({}),
  }),
  defineOperation({
    name: "wake",
    summary: "Wake another instance (not available yet)",
    access: "staff",
    changesState: true,
    parameters: {
      remote: requiredText("URL of the instance", { short: "r" }),
      sleep: integer("seconds between two attempts", { short: "s", default: 5, min: 0, max: 3600 }),
      attempts: integer("at most that many", { short: "a", default: 3, min: 1, max: 100 }),
    },
    result: z.object({}),
    example: { remote: "http://other.example.org:8066" },
  }),
  defineOperation({
    name: "handshake",
    summary: "Show another instance that we know it (not available yet)",
    access: "none",
    parameters: { signed_message: requiredText("what the other one has signed", { short: "S" }) },
    result: z.string(),
    example: { signed_message: "-----BEGIN PGP SIGNED MESSAGE-----" },
  }),
  defineOperation({
    name: "debmirror",
    summary: "Make a partial mirror of repositories (not available yet)",
    access: "admin",
    changesState: true,
    parameters: {
      destination: optionalText("directory", { short: "D" }),
      repositories: list("Only these repositories", { short: "R" }),
      codenames: list("Only these codenames", { short: "c" }),
      suites: list("Only these suites", { short: "S" }),
      rollbacks: integer("Also that many rollback distributions of each", { short: "r", default: 0, min: 0, max: 100 }),
      architectures: list("Only these architectures", { short: "A" }),
      components: list("Only these components", { short: "C" }),
    },
    result: z.object({}),
  }),
  defineOperation({
    name: "keyring_packages",
    summary: "Build keyring packages (not available yet)",
    access: "admin",
    changesState: true,
    parameters: {
      distributions: list("Only for these distributions", { short: "D" }),
      without_migration: flag("Do not migrate them to the last suite", { short: "M" }),
    },
    result: z.array(z.object({})),
  }),
  defineOperation({
    name: "test_packages",
    summary: "Build test packages (not available yet)",
    access: "admin",
    changesState: true,
    parameters: {
      sources: list("Only these test packages", { short: "S" }),
      distributions: list("Only for these distributions", { short: "D" }),
      auto_ports: list("With automatic ports to these distributions", { short: "A" }),
      with_check: flag("Wait for the results, and check them", { short: "c" }),
    },
    result: z.array(z.object({})),
  }),
  defineOperation({
    name: "setup",
    summary: "Create, update or inspect the setup (not available yet: see catalog_plan and catalog_apply)",
    access: "admin",
    changesState: true,
    parameters: { update: optionalText("of the original; ignored") },
    result: z.object({}),
  }),
];
