// The table of runs: sorted by a click on a heading, filtered by words and comparisons.

const sortable = (table) => {
  const body = table.tBodies[0];
  const headings = [...table.tHead.rows[0].cells];
  const key = (row, column) => {
    const cell = row.cells[column];
    const number = cell.dataset.key;
    return number === undefined ? cell.textContent : Number(number);
  };
  const compare = (a, b) => {
    const texts = [typeof a === "string", typeof b === "string"];
    if (texts[0] !== texts[1]) return null;
    return texts[0] ? a.localeCompare(b, "en", { numeric: true }) : a - b;
  };
  headings.forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = heading.textContent;
    heading.replaceChildren(button);
    button.addEventListener("click", () => {
      const down = heading.getAttribute("aria-sort") === "ascending";
      headings.forEach((h) => h.removeAttribute("aria-sort"));
      heading.setAttribute("aria-sort", down ? "descending" : "ascending");
      const rows = [...body.rows];
      rows.sort((p, q) => {
        const [a, b] = [key(p, column), key(q, column)];
        const order = compare(a, b);
        // Rows without a value come last in either order.
        if (order === null) return typeof a === "string" ? 1 : -1;
        return down ? -order : order;
      });
      body.append(...rows);
    });
  });
};

const SUFFIX = { k: 1e3, m: 1e6, b: 1e9, t: 1e12 };

// Conditions on a run: `n>10k`, `loss<=2.1`, or a word of its row.
const condition = (word) => {
  const found = word.match(/^(n|d|c|loss|bpb|lr|epochs|seed)(<=|>=|<|>|=)([\d.]+(?:e[+-]?\d+)?)([kmbt]?)$/i);
  if (!found) return (_, text) => text.includes(word.toLowerCase());
  const [, name, sign, number, suffix] = found;
  const wanted = Number(number) * (SUFFIX[suffix.toLowerCase()] ?? 1);
  return (run) => {
    const value = run[name.toLowerCase()];
    if (value === null || value === undefined) return false;
    return { "<": value < wanted, ">": value > wanted, "<=": value <= wanted, ">=": value >= wanted, "=": value === wanted }[sign];
  };
};

const filterable = (table, data, runs) => {
  const rows = [...table.tBodies[0].rows];
  const texts = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
  const bar = document.createElement("form");
  bar.className = "filter";
  bar.innerHTML =
    '<label>Filter <input type="search" placeholder="words, n>10k, loss<2.1" autocomplete="off" spellcheck="false"></label>' +
    '<label><input type="checkbox"> also in the figures</label><output></output>';
  const [words, also] = bar.querySelectorAll("input");
  const said = bar.querySelector("output");
  const apply = () => {
    const conditions = words.value.split(/\s+/).filter(Boolean).map(condition);
    const kept = [];
    for (const row of rows) {
      const number = Number(row.dataset.r);
      const keep = conditions.every((holds) => holds(data.runs[number], texts.get(row)));
      row.hidden = !keep;
      if (keep) kept.push(number);
    }
    said.textContent = `${kept.length} of ${rows.length} runs`;
    if (also.checked) runs.isolate(conditions.length ? kept : []);
  };
  bar.addEventListener("submit", (event) => event.preventDefault());
  words.addEventListener("input", apply);
  also.addEventListener("change", () => (also.checked ? apply() : runs.isolate([])));
  table.parentElement.before(bar);
  apply();
  for (const row of rows) {
    const head = row.cells[0];
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    button.title = `${head.textContent}: show this run alone`;
    head.replaceChildren(button);
    button.addEventListener("click", (event) => runs.toggle(Number(row.dataset.r), event.shiftKey));
  }
};
