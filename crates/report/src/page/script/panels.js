// Panels drawn anew on other axes: linear instead of logarithmic, bits per byte instead of nats.
// A mark's place says its value, so the figures carry no second copy of their data.

const element = (name, attributes, parent) => {
  const made = document.createElementNS(parent.namespaceURI, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  parent.append(made);
  return made;
};

// Points of a path as this report writes them: one absolute start, then relative steps.
const pointsOf = (d) => {
  const points = [];
  let x = 0, y = 0;
  for (const [, command, dx, dy] of d.matchAll(/([Ml])(-?[\d.]+),(-?[\d.]+)/g)) {
    [x, y] = command === "M" ? [Number(dx), Number(dy)] : [x + Number(dx), y + Number(dy)];
    points.push([x, y]);
  }
  return points;
};

const pathOf = (points, closed) =>
  points.map(([x, y], k) => `${k ? "L" : "M"}${x.toFixed(1)},${y.toFixed(1)}`).join("") + (closed ? "Z" : "");

class Panel {
  constructor(svg, bitsOf) {
    this.svg = svg;
    this.base = { x: axisOf(svg.dataset.x), y: axisOf(svg.dataset.y) };
    this.loss = svg.dataset.loss ?? "";
    [this.x0, this.y1, this.x1, this.y0] = svg.dataset.frame.split(" ").map(Number);
    this.bitsOf = bitsOf;
    this.axes = svg.querySelector(":scope > g.axes");
    this.drawnAxes = this.axes.innerHTML;
    this.marks = [...svg.querySelectorAll(":scope > g:not(.axes, .names, .note, .aside)")];
    this.shapes = null;
    this.state = "";
  }

  // Every shape with its place as drawn.
  read() {
    this.shapes ??= this.marks.flatMap((group) =>
      [...group.querySelectorAll("path, circle, text")].map((node) => {
        if (node.tagName === "path") {
          const d = node.getAttribute("d");
          const closed = d.endsWith("Z");
          return { node, group, d, closed, points: pointsOf(d) };
        }
        const [kx, ky] = node.tagName === "circle" ? ["cx", "cy"] : ["x", "y"];
        return { node, group, kx, ky, points: [[Number(node.getAttribute(kx)), Number(node.getAttribute(ky))]] };
      }),
    );
    return this.shapes;
  }

  show(linear, bits) {
    const bitsHere = bits && this.loss !== "";
    const linearHere = linear && (this.base.x.kind === "log" || this.base.y.kind === "log");
    const state = `${linearHere} ${bitsHere}`;
    if (state === this.state) return;
    const first = this.state === "" && !linearHere && !bitsHere;
    this.state = state;
    if (first) return;
    const unit = bitsHere ? this.bitsOf(null, null) : 1;
    const turned = (axis, is) => {
      const kind = linearHere && axis.kind === "log" ? "linear" : axis.kind;
      const k = is ? unit : 1;
      return { kind, low: axis.low * k, high: axis.high * k, style: axis.style };
    };
    const now = { x: turned(this.base.x, this.loss.includes("x")), y: turned(this.base.y, this.loss.includes("y")) };
    const move = (group, [px, py]) => {
      const k = bitsHere ? this.bitsOf(group.dataset.r, group.dataset.s) : 1;
      const x = valueAt(this.base.x, (px - this.x0) / (this.x1 - this.x0)) * (this.loss.includes("x") ? k : 1);
      const y = valueAt(this.base.y, (py - this.y0) / (this.y1 - this.y0)) * (this.loss.includes("y") ? k : 1);
      return [this.x0 + shareOf(now.x, x) * (this.x1 - this.x0), this.y0 + shareOf(now.y, y) * (this.y1 - this.y0)];
    };
    for (const shape of this.read()) this.place(shape, (point) => move(shape.group, point), linearHere);
    this.drawAxes(now, linearHere || bitsHere);
    for (const text of this.svg.querySelectorAll(":scope > g.names > text")) {
      text.dataset.was ??= text.textContent;
      text.textContent = bitsHere ? text.dataset.was.replace("nats per token", "bits per byte") : text.dataset.was;
    }
    this.sayFormula(bitsHere);
    this.moveNote(linearHere);
    this.centres = null;
  }

  // The equation of the line has the unit of the losses in its scale.
  sayFormula(bits) {
    if (!this.svg.dataset.formula) return;
    this.formula ??= [...this.svg.querySelectorAll(":scope > g.note > text")].find((text) => text.textContent.startsWith("L = "));
    if (!this.formula) return;
    this.formulaInNats ??= this.formula.innerHTML;
    this.formula.innerHTML = bits ? this.svg.dataset.formula : this.formulaInNats;
  }

  // Losses that fall on linear axes leave the corner on top right free.
  moveNote(linear) {
    const note = this.svg.querySelector(":scope > g.note");
    if (!note || !note.childElementCount) return;
    note.removeAttribute("transform");
    if (!linear) return;
    const box = note.getBBox();
    note.setAttribute("transform", `translate(${(this.x1 - 8 - box.x - box.width).toFixed(1)} ${(this.y1 + 4 - box.y).toFixed(1)})`);
  }

  place({ node, group, d, closed, kx, ky, points }, move, bend) {
    if (kx) {
      // A direct label stands eight pixels right of what it names.
      const aside = node.tagName === "text" ? 8 : 0;
      const [x, y] = move([points[0][0] - aside, points[0][1]]);
      node.setAttribute(kx, (x + aside).toFixed(1));
      node.setAttribute(ky, y.toFixed(1));
      return;
    }
    if (closed && !group.classList.contains("band")) {
      const middle = [0, 1].map((k) => points.reduce((sum, p) => sum + p[k], 0) / points.length);
      const [x, y] = move(middle);
      node.setAttribute("d", pathOf(points.map(([px, py]) => [px + x - middle[0], py + y - middle[1]]), true));
      return;
    }
    // A line that was straight bends on other axes: it needs points between.
    const dense = bend ? points.flatMap((p, k) => {
      const next = points[k + 1];
      if (!next) return [p];
      const pieces = Math.max(1, Math.min(40, Math.ceil(Math.hypot(next[0] - p[0], next[1] - p[1]) / 8)));
      return Array.from({ length: pieces }, (_, i) => [0, 1].map((c) => p[c] + ((next[c] - p[c]) * i) / pieces));
    }) : points;
    node.setAttribute("d", pathOf(dense.map(move), closed));
  }

  drawAxes(now, anew) {
    this.axes.innerHTML = this.drawnAxes;
    if (!anew || now.y.kind === "rows") return;
    this.axes.replaceChildren();
    const { x0, x1, y0, y1 } = this;
    const line = (x, y, dx, dy, tone) =>
      element("path", { d: `M${x.toFixed(1)},${y.toFixed(1)}l${dx.toFixed(1)},${dy.toFixed(1)}`, class: `l ${tone}`, "stroke-width": 1 }, this.axes);
    const place = {
      x: (v) => x0 + shareOf(now.x, v) * (x1 - x0),
      y: (v) => y0 + shareOf(now.y, v) * (y1 - y0),
    };
    const ticks = { x: ticksOf(now.x), y: ticksOf(now.y) };
    for (const v of ticks.x.major) line(place.x(v), y0, 0, y1 - y0, "grid");
    for (const v of ticks.y.major) line(x0, place.y(v), x1 - x0, 0, "grid");
    line(x0, y0, x1 - x0, 0, "rule");
    line(x0, y0, 0, y1 - y0, "rule");
    for (const [kind, length] of [["major", 5], ["minor", 3]]) {
      for (const v of ticks.x[kind]) line(place.x(v), y0, 0, length, "rule");
      for (const v of ticks.y[kind]) line(x0 - length, place.y(v), length, 0, "rule");
    }
    const label = (style, v, x, y, anchor) => {
      const [words, raised] = tickWords(style, v);
      const text = element("text", { x: x.toFixed(1), y: y.toFixed(1), class: "f ink", "font-size": 11, "text-anchor": anchor }, this.axes);
      text.textContent = words;
      if (raised) element("tspan", { dy: -4, "font-size": 7.9 }, text).textContent = raised;
    };
    for (const v of ticks.x.major) label(now.x.style, v, place.x(v), y0 + 16.4, "middle");
    for (const v of ticks.y.major) label(now.y.style, v, x0 - 8, place.y(v) + 3.9, "end");
  }

  // Middles of points that can be pointed at: [x, y, group].
  targets() {
    this.centres ??= this.marks
      .filter((g) => g.dataset.r !== undefined || g.dataset.t !== undefined)
      .flatMap((group) => {
        const shapes = [...group.querySelectorAll("circle, path[d$=Z]")];
        const shape = shapes.at(-1);
        if (!shape || group.classList.contains("band")) return [];
        const box = shape.getBBox();
        return [[box.x + box.width / 2, box.y + box.height / 2, group]];
      })
      .sort((a, b) => a[0] - b[0] || a[1] - b[1]);
    return this.centres;
  }
}
