// Follows the daemon's log: <tbody data-daemon-log="URL">. What comes is put in as text only; without JavaScript,
// reloading does the same.

const ROWS_MAX = 5_000;
const TONES = { error: "bad", warn: "warn" };

for (const body of document.querySelectorAll("tbody[data-daemon-log]")) follow(body);

function follow(body) {
  const source = new EventSource(body.dataset.daemonLog);
  const frame = body.closest(".table-frame");
  source.addEventListener("message", (message) => {
    body.append(rowOf(JSON.parse(message.data)));
    while (body.childElementCount > ROWS_MAX) body.firstElementChild.remove();
    frame.scrollTop = frame.scrollHeight;
  });
}

function rowOf({ time, level, module, message, fields }) {
  const badge = document.createElement("span");
  badge.className = `badge ${TONES[level] ?? ""}`;
  badge.append(level);
  const facts = Object.entries(fields).map(
    ([name, value]) => `${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`,
  );
  const row = document.createElement("tr");
  for (const [content, kind] of [
    [time.replace("T", " ").replace("Z", ""), "nowrap"],
    [badge, ""],
    [module, ""],
    [message, ""],
    [facts.join(", "), "small"],
  ]) {
    const cell = document.createElement("td");
    if (kind !== "") cell.className = kind;
    cell.append(content);
    row.append(cell);
  }
  return row;
}
