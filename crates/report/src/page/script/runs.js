// Runs under the pointer, and runs isolated across all figures and the table.

const runWords = (run, series) => {
  const lines = [run.id];
  if (series.length) lines.push(series[run.series]);
  lines.push(
    `N ${short(run.n)} · D ${short(run.d)} tokens · C ${scientific(run.c)} FLOPs`,
    `layers ${run.layers}, width ${run.width} · rate ${scientific(run.lr)} · ${run.epochs.toFixed(2)} epochs · seed ${run.seed}`,
  );
  if (run.loss === null) lines.push(run.status);
  else {
    const error = run.se === null ? "" : ` ± ${run.se.toFixed(3)}`;
    const bits = run.bpb === null ? "" : ` · ${run.bpb.toFixed(4)} bits per byte`;
    lines.push(`test loss ${run.loss.toFixed(4)}${error} nats per token${bits}`);
  }
  return lines;
};

class Runs {
  constructor(main, data) {
    this.main = main;
    this.data = data;
    this.of = new Map();
    for (const node of main.querySelectorAll("[data-r]")) {
      const run = Number(node.dataset.r);
      if (!this.of.has(run)) this.of.set(run, []);
      this.of.get(run).push(node);
    }
    this.picked = new Set();
    this.lit = [];
    this.tip = document.createElement("div");
    this.tip.id = "tip";
    this.tip.setAttribute("role", "status");
    this.tip.hidden = true;
    document.body.append(this.tip);
    this.changed = () => {};
  }

  hover(group, x, y) {
    for (const node of this.lit) node.classList.remove("hover");
    this.lit = [];
    if (!group) {
      this.tip.hidden = true;
      return;
    }
    const run = group.dataset.r === undefined ? null : Number(group.dataset.r);
    this.lit = run === null ? [group] : this.of.get(run) ?? [];
    for (const node of this.lit) node.classList.add("hover");
    const lines = run === null ? group.dataset.t.split("\n") : runWords(this.data.runs[run], this.data.series);
    this.tip.replaceChildren(...lines.map((line, k) => {
      const row = document.createElement(k ? "div" : "b");
      row.textContent = line;
      return row;
    }));
    this.tip.hidden = false;
    const { width, height } = this.tip.getBoundingClientRect();
    const left = Math.max(6, Math.min(x + 14, innerWidth - width - 6));
    const top = y + 16 + height > innerHeight ? y - height - 12 : y + 16;
    this.tip.style.transform = `translate(${left}px,${Math.max(6, top)}px)`;
  }

  // Isolates runs; without any, all are shown again.
  isolate(runs) {
    for (const run of this.picked) for (const node of this.of.get(run) ?? []) node.classList.remove("on");
    this.picked = new Set(runs);
    for (const run of this.picked) for (const node of this.of.get(run) ?? []) node.classList.add("on");
    this.main.classList.toggle("isolating", this.picked.size > 0);
    this.changed();
  }

  toggle(run, further) {
    const next = new Set(further ? this.picked : []);
    if (this.picked.has(run) && (further || this.picked.size === 1)) next.delete(run);
    else next.add(run);
    this.isolate(next);
  }
}

// Pointer and keyboard on the panels.
const follow = (panels, runs) => {
  const near = (panel, event) => {
    const direct = event.target.closest?.("g[data-r], g[data-t]");
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(panel.svg.getScreenCTM().inverse());
    let best = null, least = 14;
    for (const [x, y, group] of panel.targets()) {
      const distance = Math.hypot(x - at.x, y - at.y);
      if (distance < least && group.style.display !== "none") [best, least] = [group, distance];
    }
    return best ?? direct ?? null;
  };
  for (const panel of panels) {
    const { svg } = panel;
    let place = -1;
    svg.tabIndex = 0;
    svg.addEventListener("pointermove", (event) => runs.hover(near(panel, event), event.clientX, event.clientY));
    svg.addEventListener("pointerleave", () => runs.hover(null));
    svg.addEventListener("blur", () => runs.hover(null));
    svg.addEventListener("click", (event) => {
      const group = near(panel, event);
      if (group?.dataset.r !== undefined) runs.toggle(Number(group.dataset.r), event.shiftKey);
      else if (!group) runs.isolate([]);
    });
    svg.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      const all = panel.targets();
      const ofRuns = all.filter(([, , group]) => group.dataset.r !== undefined);
      const targets = ofRuns.length ? ofRuns : all;
      if (step && targets.length) {
        place = (place + step + targets.length + (place < 0 && step < 0 ? 1 : 0)) % targets.length;
        const [x, y, group] = targets[place];
        const at = new DOMPoint(x, y).matrixTransform(svg.getScreenCTM());
        runs.hover(group, at.x, at.y);
        event.preventDefault();
      } else if ((event.key === "Enter" || event.key === " ") && targets[place]) {
        const run = targets[place][2].dataset.r;
        if (run !== undefined) runs.toggle(Number(run), event.shiftKey);
        event.preventDefault();
      }
    });
  }
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      runs.hover(null);
      runs.isolate([]);
    }
  });
};
