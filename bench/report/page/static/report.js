// Sorting, filtering, sliders. Without this script the page shows everything, pictures one below the other.
"use strict";
document.documentElement.classList.add("scripted");

// --- tables ----------------------------------------------------------------------------------------------

for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    head.querySelector("button").addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const rows = [...body.rows].sort((a, b) => compare(a.cells[column].dataset.sort, b.cells[column].dataset.sort, up));
      body.append(...rows);
    });
  });
}

function compare(a, b, up) {
  if (a === "" || b === "") return (a === "") - (b === ""); // what has no number comes last, either way
  const [x, y] = [Number(a), Number(b)];
  const order = Number.isNaN(x) || Number.isNaN(y) ? a.localeCompare(b) : x - y;
  return up ? order : -order;
}

document.getElementById("filter").addEventListener("input", (event) => {
  const wanted = event.target.value.toLowerCase().split(",").map((part) => part.trim()).filter(Boolean);
  const fits = (text) => !wanted.length || wanted.some((part) => text.toLowerCase().includes(part));
  for (const row of document.querySelectorAll("table.sortable tbody tr")) row.hidden = !fits(row.cells[0].dataset.sort);
  const matches = document.querySelector("table.sortable tbody tr:not([hidden])");
  document.getElementById("nothing").textContent = matches ? "" : "nothing matches";
  for (const strip of document.querySelectorAll(".strip")) strip.hidden = !fits(strip.dataset.row);
});

// --- before and after --------------------------------------------------------------------------------------

for (const strip of document.querySelectorAll(".strip")) {
  const slider = strip.querySelector("input");
  const cut = () => strip.style.setProperty("--cut", `${100 - slider.value}%`);
  slider.addEventListener("input", cut);
  cut();
}

// --- records -------------------------------------------------------------------------------------------------

function open() {
  const wanted = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (wanted?.tagName === "DETAILS") {
    wanted.open = true;
    wanted.scrollIntoView();
    wanted.querySelector("summary").focus();
  }
}
addEventListener("hashchange", open);
open();
