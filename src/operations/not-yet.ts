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

/** Of the original; none has an effect. */
const setupParameters = {
  update: optionalText("of the original"),
  pca: optionalText("of the original"),
  identity: optionalText("of the original"),
  ftp_endpoint: optionalText("of the original"),
  from_origins: list("of the original"),
  archives: list("of the original", { short: "A" }),
  archives_from_origins: flag("of the original"),
  archives_from_apt_sources: flag("of the original"),
  archives_from_proxy: flag("of the original"),
  sources: list("of the original"),
  sources_from_origins: flag("of the original"),
  distributions: list("of the original"),
  distributions_from_sources: flag("of the original"),
  repositories: list("of the original"),
  repositories_from_distributions: list("of the original"),
  chroots: list("of the original"),
  chroots_from_sources: flag("of the original"),
  chroots_backend: optionalText("of the original", { short: "C" }),
  remotes: list("of the original"),
};

export const notYetOperations: readonly Operation[] = [
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
    name: "setup",
    summary: "Create, update or inspect the setup (not available yet: see catalog_plan and catalog_apply)",
    access: "admin",
    changesState: true,
    parameters: setupParameters,
    result: z.object({}),
  }),
];
