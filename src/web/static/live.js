// Keeps a page up to date: when something happens, the page is fetched again and what changed is put in place.
// The server renders everything once and only there; without JavaScript, reloading does the same.
//
//   data-live="events"        on <body>: follow events after data-after, of data-upload if given
//   data-part                 (with an id) replaced as a whole when its content differs
//   data-list                 children have ids: new ones come in, gone ones go, others are looked into

const body = document.body;
const indicator = document.getElementById("live-indicator");
const REFRESH_PAUSE_MS = 300;

let lastId = body.dataset.after ?? "";
let source;
let refreshTimer;
let isRefreshing = false;
let isStale = false;

function connect() {
  const query = new URLSearchParams({ types: "all", after: lastId });
  if (body.dataset.upload) query.set("upload", body.dataset.upload);
  source = new EventSource(`/api/v1/events?${query}`);
  source.addEventListener("open", () => showState("live"));
  source.addEventListener("error", () => showState("lost"));
  source.addEventListener("message", (message) => {
    lastId = message.lastEventId;
    refreshSoon();
  });
}

function disconnect() {
  source?.close();
  source = undefined;
}

function showState(state) {
  if (!indicator) return;
  indicator.hidden = false;
  indicator.dataset.state = state;
  const text = state === "live" ? "Live" : "Reconnecting…";
  if (indicator.textContent !== text) indicator.textContent = text;
}

function refreshSoon() {
  isStale = true;
  if (refreshTimer === undefined && !isRefreshing) refreshTimer = setTimeout(() => void refresh(), REFRESH_PAUSE_MS);
}

async function refresh() {
  refreshTimer = undefined;
  isRefreshing = true;
  isStale = false;
  try {
    const response = await fetch(location.href, { headers: { accept: "text/html" } });
    if (response.ok) merge(new DOMParser().parseFromString(await response.text(), "text/html"));
  } catch {
    // The server is away: the event source comes back, and with it the next refresh.
  }
  isRefreshing = false;
  if (isStale) refreshSoon();
}

function merge(fresh) {
  mergeInside(document.querySelector("main"), fresh.querySelector("main"));
  document.title = fresh.title;
  document.dispatchEvent(new CustomEvent("page-updated"));
}

/** The parts and lists of an element that are not inside another part or list. */
function outermost(element) {
  return [...element.querySelectorAll("[data-part], [data-list]")].filter(
    (part) => part.parentElement.closest("[data-part], [data-list]") === (element.closest("[data-part], [data-list]") ?? null),
  );
}

function mergeInside(current, fresh) {
  for (const part of outermost(current)) {
    const other = fresh.querySelector(`#${CSS.escape(part.id)}`);
    if (other === null) part.remove();
    else if ("list" in part.dataset) mergeList(part, other);
    else replacePart(part, other);
  }
}

function mergeList(current, fresh) {
  const known = new Map([...current.children].map((child) => [child.id, child]));
  const children = [...fresh.children].map((child) => {
    const existing = known.get(child.id);
    if (existing === undefined || child.id === "") {
      child.classList.add("fresh");
      return document.adoptNode(child);
    }
    if ("part" in existing.dataset) return replacePart(existing, child);
    mergeInside(existing, child);
    return existing;
  });
  const same = children.length === current.children.length && children.every((child, index) => current.children[index] === child);
  if (!same) place(current, children);
}

/** Moves as little as possible: what stays keeps its scroll position and focus. */
function place(parent, children) {
  const gone = [...parent.children].filter((child) => !children.includes(child));
  for (const child of gone) child.remove();
  children.forEach((child, index) => {
    if (parent.children[index] !== child) parent.insertBefore(child, parent.children[index] ?? null);
  });
}

function replacePart(current, fresh) {
  if (current.innerHTML === fresh.innerHTML && current.className === fresh.className) return current;
  for (const details of current.querySelectorAll("details[id]")) {
    const other = fresh.querySelector(`#${CSS.escape(details.id)}`);
    if (other) other.open = details.open;
  }
  const adopted = document.adoptNode(fresh);
  current.replaceWith(adopted);
  return adopted;
}

// Times: "3 minutes ago" and "for 12 s" go on by themselves.

const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const UNITS = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];

function tick() {
  for (const element of document.querySelectorAll("time[data-relative]")) {
    write(element, ago((Date.parse(element.dateTime) - Date.now()) / 1000));
  }
  for (const element of document.querySelectorAll("[data-since]")) {
    write(element, lasting((Date.now() - Date.parse(element.dataset.since)) / 1000));
  }
}

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function ago(seconds) {
  const unit = UNITS.find(([, size]) => Math.abs(seconds) >= size);
  if (unit === undefined) return seconds > -10 ? "just now" : `${Math.round(-seconds)} seconds ago`;
  return relative.format(Math.round(seconds / unit[1]), unit[0]);
}

function lasting(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

// Copy buttons exist only where they work.

function addCopyButtons() {
  if (!navigator.clipboard) return;
  for (const snippet of document.querySelectorAll(".snippet:not(:has(button))")) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Copy";
    button.addEventListener("click", () => void copy(snippet, button));
    snippet.querySelector(".snippet-title").append(button);
  }
}

async function copy(snippet, button) {
  await navigator.clipboard.writeText(snippet.querySelector("pre").textContent);
  button.textContent = "Copied";
  setTimeout(() => (button.textContent = "Copy"), 2000);
}

tick();
setInterval(tick, 1000);
addCopyButtons();
document.addEventListener("page-updated", () => {
  tick();
  addCopyButtons();
});

if (body.dataset.live === "events") {
  connect();
  // Browsers allow few connections to one server: hidden tabs give theirs back.
  document.addEventListener("visibilitychange", () => {
    disconnect();
    if (!document.hidden) connect();
  });
  window.addEventListener("pagehide", disconnect);
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) connect();
  });
}
