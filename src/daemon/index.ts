/**
 * daemon: composition. Reads the configuration, constructs every module with what it needs, starts them from the
 * inside out, and stops them from the outside in. No decision about packages is made here.
 *
 * Invariants: one server per home (its lock); doors open before work is taken up, so that nobody waits for a sweep;
 * what a crash left is cleared away before new work can meet it.
 */
export { type DaemonCommand, daemonCommands } from "./commands.ts";
