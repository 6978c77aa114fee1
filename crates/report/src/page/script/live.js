// Served by `isoflop watch`: the server tells of progress and of new pages; nothing is polled.

const follower = new EventSource("events");
const line = document.createElement("p");
line.id = "live";
line.setAttribute("role", "status");
line.textContent = "following the sweep";
document.querySelector("main").before(line);
follower.addEventListener("progress", (event) => (line.textContent = JSON.parse(event.data)));
follower.addEventListener("error", () => (line.textContent = "the server is gone; `isoflop watch` starts it again"));
let version = document.documentElement.dataset.version;
follower.addEventListener("page", async (event) => {
  if (event.data === version) return;
  version = event.data;
  const answer = await fetch(location.href);
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  // What the reader had chosen holds on the new page.
  const ids = [...page.runs.picked].map((run) => page.runs.data.runs[run].id);
  const inputs = (root) => [...root.querySelectorAll("#controls input, .filter input")];
  const chosen = inputs(document).map((input) => [input.parentElement.textContent.trim(), input.checked, input.value]);
  const open = [...document.querySelectorAll("details")].map((details) => details.open);
  const at = scrollY;
  page.runs.tip.remove();
  document.querySelector("main").replaceWith(fresh.querySelector("main"));
  document.getElementById("data").replaceWith(fresh.getElementById("data"));
  document.title = fresh.title;
  page = start();
  for (const input of inputs(document)) {
    const was = chosen.find(([name]) => name === input.parentElement.textContent.trim());
    if (!was) continue;
    if (input.type === "search" && was[2] !== input.value) {
      input.value = was[2];
      input.dispatchEvent(new Event("input"));
    } else if (input.type !== "search" && was[1] !== input.checked) {
      input.checked = was[1];
      if (input.type === "checkbox" || was[1]) input.dispatchEvent(new Event("change"));
    }
  }
  document.querySelectorAll("details").forEach((details, k) => (details.open = open[k] ?? false));
  page.runs.isolate(page.runs.data.runs.flatMap((run, k) => (ids.includes(run.id) ? [k] : [])));
  scrollTo(0, at);
});
