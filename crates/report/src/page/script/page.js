// The page's controls. Without scripts there are none, and the figures stay as they are.

const choice = (name, options, act) => {
  const set = document.createElement("fieldset");
  const legend = document.createElement("legend");
  legend.textContent = name;
  set.append(legend);
  for (const [text, value] of options) {
    const label = document.createElement("label");
    const input = document.createElement("input");
    Object.assign(input, { type: "radio", name, value, checked: value === options[0][1] });
    input.addEventListener("change", () => act(value));
    label.append(input, ` ${text}`);
    set.append(label);
  }
  return set;
};

const tick = (text, act) => {
  const label = document.createElement("label");
  const input = document.createElement("input");
  Object.assign(input, { type: "checkbox", checked: true });
  input.addEventListener("change", () => act(input.checked));
  label.append(input, ` ${text}`);
  return label;
};

const start = () => {
  const main = document.querySelector("main");
  const data = JSON.parse(document.getElementById("data").textContent);
  const known = data.runs.map((run) => run.bits).filter((bits) => bits !== null);
  const ofSeries = data.series.map((_, k) => data.runs.find((run) => run.series === k && run.bits !== null)?.bits);
  // Bits per byte in a nat per token: of a run, else of its series, else of any run.
  const bitsOf = (run, series) => data.runs[run]?.bits ?? ofSeries[series] ?? known[0] ?? 1;
  const panels = [...main.querySelectorAll("svg.panel")].map((svg) => new Panel(svg, bitsOf));
  const runs = new Runs(main, data);
  const shown = { linear: false, bits: false };
  const redraw = () => panels.forEach((panel) => panel.show(shown.linear, shown.bits));
  follow(panels, runs);

  const bar = document.createElement("form");
  bar.id = "controls";
  bar.setAttribute("aria-label", "Figures");
  bar.addEventListener("submit", (event) => event.preventDefault());
  bar.append(choice("axes", [["log", "log"], ["linear", "linear"]], (value) => {
    shown.linear = value === "linear";
    redraw();
  }));
  if (known.length) {
    bar.append(choice("loss", [["nats per token", "nats"], ["bits per byte", "bits"]], (value) => {
      shown.bits = value === "bits";
      redraw();
    }));
  }
  const toggles = document.createElement("fieldset");
  toggles.innerHTML = "<legend>show</legend>";
  const show = (selector, on) => main.querySelectorAll(selector).forEach((g) => (g.style.display = on ? "" : "none"));
  if (main.querySelector("#three-panels g.curve")) toggles.append(tick("learning curves", (on) => show("#three-panels g.curve", on)));
  toggles.append(tick("fits", (on) => show("g.fit, g.fit.beyond, g.band, g.parabola, g.contour, g.efficient", on)));
  data.series.forEach((name, k) => toggles.append(tick(name, (on) => show(`svg.panel > g[data-s="${k}"]`, on))));
  bar.append(toggles);
  const all = document.createElement("button");
  all.type = "button";
  all.textContent = "show all runs";
  all.hidden = true;
  all.addEventListener("click", () => runs.isolate([]));
  runs.changed = () => {
    all.hidden = runs.picked.size === 0;
    all.textContent = `${runs.picked.size} of ${data.runs.length} runs: show all`;
  };
  bar.append(all);
  const hint = document.createElement("p");
  hint.className = "hint";
  hint.textContent = "Point at a run for its numbers; click to see it alone in every figure, shift-click for several, Escape for all. Arrow keys walk a figure.";
  bar.append(hint);
  main.querySelector("header").after(bar);

  // A size of a legend stands for its runs.
  for (const item of main.querySelectorAll(".legend li[data-n]")) {
    const of = data.runs.flatMap((run, k) => (String(run.n) === item.dataset.n ? [k] : []));
    const button = document.createElement("button");
    button.type = "button";
    button.title = `show the ${of.length} runs of this size alone`;
    button.append(...item.childNodes);
    item.append(button);
    button.addEventListener("click", () => {
      const same = of.length === runs.picked.size && of.every((run) => runs.picked.has(run));
      runs.isolate(same ? [] : of);
    });
  }
  for (const table of main.querySelectorAll("table.sortable")) {
    sortable(table);
    filterable(table, data, runs);
  }
  return { runs, bar };
};

let page = start();
