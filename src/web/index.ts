/**
 * web: the pages for people. Server-rendered from `views`, readable without JavaScript; static/live.js and
 * static/log.js keep them up to date. Every page has the same as JSON (`?output=json`).
 *
 * Invariants: hono's JSX escapes all text; no script or style is inline (the Content-Security-Policy forbids it); what
 * changes by itself is inside elements marked data-part or data-list with an id that is stable over renderings.
 */
export { createWebPages, type WebPages } from "./pages.tsx";
