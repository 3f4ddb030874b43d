// Follows build logs: <pre class="log" data-log="URL" data-offset="BYTES" data-following>. The server sends clean
// text; it is only ever put in as text.

const TEXT_LENGTH_MAX = 1_500_000;
const AT_END_PX = 40;
const followed = new Map();

class FollowedLog {
  constructor(element) {
    this.element = element;
    this.offset = element.dataset.offset;
    this.state = element.closest(".log-frame").querySelector(".log-state");
    this.length = element.textContent.length;
    this.element.scrollTop = this.element.scrollHeight;
    this.open();
  }

  open() {
    this.source = new EventSource(`${this.element.dataset.log}?offset=${this.offset}`);
    this.source.addEventListener("message", (message) => {
      this.offset = message.lastEventId;
      this.append(JSON.parse(message.data));
    });
    this.source.addEventListener("end", () => {
      this.close();
      this.hasEnded = true;
      this.state.textContent = "ended";
    });
    this.source.addEventListener("open", () => (this.state.textContent = "following"));
    this.source.addEventListener("error", () => (this.state.textContent = "reconnecting…"));
  }

  close() {
    this.source.close();
  }

  append(text) {
    const { element } = this;
    const isAtEnd = element.scrollHeight - element.scrollTop - element.clientHeight < AT_END_PX;
    element.append(text);
    this.length += text.length;
    if (this.length > TEXT_LENGTH_MAX) this.forgetStart();
    if (isAtEnd) element.scrollTop = element.scrollHeight;
  }

  /** The whole log is one link away; a page with a million lines helps nobody. */
  forgetStart() {
    while (this.length > TEXT_LENGTH_MAX / 2 && this.element.childNodes.length > 1) {
      this.length -= this.element.firstChild.textContent.length;
      this.element.firstChild.remove();
    }
  }
}

function followAll() {
  for (const element of document.querySelectorAll("pre[data-following]")) {
    if (!followed.has(element)) followed.set(element, new FollowedLog(element));
  }
}

for (const element of document.querySelectorAll("pre.log")) element.scrollTop = element.scrollHeight;
followAll();
document.addEventListener("page-updated", followAll);
document.addEventListener("visibilitychange", () => {
  for (const log of followed.values()) {
    if (log.hasEnded) continue;
    log.close();
    if (!document.hidden) log.open();
  }
});
