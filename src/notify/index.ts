/**
 * notify: tells others what happened. Knows the event log and how events are shown, and changes nothing.
 *
 * Terms: an *event hook* is a program of the administrator's in etc/event-hooks that is run for each public event.
 *
 * Invariants: no event is missed, over restarts too; after a crash the last one may be told again. What a hook does, or
 * that it fails or hangs, hinders nothing but the hooks after it, and these only for a bounded time.
 */
export { EventHooks, type EventHooksOptions } from "./event-hooks.ts";
