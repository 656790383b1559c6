// Sorting of tables. Without this script, every table can still be read.
"use strict";
const ReportTables = (() => {
  const shown = cell => cell.textContent.trim().toLowerCase();

  function compare(column, sign) {
    return (a, b) => {
      const [left, right] = [a.row.cells[column], b.row.cells[column]];
      if (!("v" in left.dataset) || !("v" in right.dataset)) return sign * shown(left).localeCompare(shown(right)) || a.place - b.place;
      const [low, high] = [left, right].map(cell => (cell.dataset.v === "" ? NaN : Number(cell.dataset.v)));
      const none = Number(Number.isNaN(low)) - Number(Number.isNaN(high)); // no number: last, in either order
      return none || (Number.isNaN(low) ? 0 : sign * (low - high)) || a.place - b.place;
    };
  }

  // `remember` is called with the table's key and "column.order"; `remembered` is such a text from the address.
  function sortable(table, remembered, remember) {
    const heads = [...table.tHead.rows[0].cells], body = table.tBodies[0];
    const rows = [...body.rows].map((row, place) => ({ row, place }));

    function sort(column, order) {
      body.append(...[...rows].sort(compare(column, order === "ascending" ? 1 : -1)).map(one => one.row));
      heads.forEach((head, place) => {
        if (place === column) head.setAttribute("aria-sort", order); else head.removeAttribute("aria-sort");
      });
    }

    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const order = head.getAttribute("aria-sort") === "descending" ? "ascending" : "descending";
        sort(column, order);
        remember(table.dataset.key, `${column}.${order}`);
      });
    });
    const [column, order] = (remembered ?? "").split(".");
    if (heads[column] && ["ascending", "descending"].includes(order)) sort(Number(column), order);
  }

  // A table that fits needs no word on how to scroll it.
  function sayWhatScrolls() {
    for (const word of document.querySelectorAll(".sideways")) {
      const box = word.nextElementSibling;
      word.hidden = box.scrollWidth <= box.clientWidth;
    }
  }

  return { sortable, sayWhatScrolls };
})();
