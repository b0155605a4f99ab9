// How the run stands, without reloading the page.
"use strict";
const log = document.getElementById("log");
const progress = document.getElementById("progress");

async function look() {
  try {
    const state = await (await fetch("/run/state")).json();
    if (state.status !== "running") {
      location.reload();
      return;
    }
    log.textContent = state.lines.join("\n");
    if (state.total) {
      progress.max = state.total;
      progress.value = state.done;
    } else {
      progress.removeAttribute("value");
    }
  } catch {
    log.textContent = "The server does not answer. Start `bench serve` again; the run continues without it.";
  }
  setTimeout(look, 1000);
}
setTimeout(look, 1000);
