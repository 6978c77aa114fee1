"use strict";
// Tables sort by a click on a heading. Without scripts the headings are plain text.
for (const table of document.querySelectorAll("table.sortable")) {
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
        // A missing value is last either way.
        if (order === null) return typeof a === "string" ? 1 : -1;
        return down ? -order : order;
      });
      body.append(...rows);
    });
  });
}
