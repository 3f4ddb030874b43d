import { z } from "zod";
import { defineOperation, type Operation } from "./operation.ts";
import { integer, optionalText, requiredText } from "./parameter.ts";

/**
 * Calls of the original whose engine comes with a later part: they have their arguments and their access, and answer
 * that they are not available yet. This list only shrinks.
 */
const subscription = {
  source: optionalText("source package; empty: all", { positional: true }),
  distribution: optionalText("distribution; empty: all", { positional: true }),
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
    parameters: { update: optionalText("of the original; ignored") },
    result: z.object({}),
  }),
];
