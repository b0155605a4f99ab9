// Clicks are saved as they are made. Without this script the page is a plain form, saved with its buttons.
"use strict";
const form = document.getElementById("clicks");
const grid = document.getElementById("grid");
const boxes = [...grid.querySelectorAll("input")];
const place = new Map(boxes.map((box, i) => [box.value, i]));
const round = Number(form.dataset.round);
const attribute = Number(form.dataset.attribute);
const saved = document.getElementById("saved");
const was = document.getElementById("was");
const RETRY = 1000; // ms between two tries to reach the server

let waiting = []; // steps that the server has not acknowledged, each a list of [tile, selected]; the first is on its way
let sending = false;
let acts = 0; // clicks and undos so far: an answer to a question from before the last one is old
let last = 0; // the tile from which Shift-click reaches

document.getElementById("save").hidden = true; // nothing to save by hand
document.querySelector("form.view button").hidden = true;

// --- saving ----------------------------------------------------------------------------------------

function keep(changed) {
  acts += 1;
  waiting.push(changed.map((box) => [Number(box.value), box.checked]));
  tell();
  send();
}

// One request for each step, however slow the server is: Undo takes back a step.
async function send() {
  if (sending || !waiting.length) return;
  sending = true;
  try {
    const answer = await post("/clicks", waiting[0]);
    acknowledge(waiting.shift() ?? []);
    sending = false;
    show(answer);
    tell();
    preview();
    send();
  } catch (error) {
    sending = false;
    if (error.refused) {
      waiting = [];
      saved.textContent = error.message;
      saved.className = "saved lost";
      refresh();
    } else {
      tell(true);
      setTimeout(send, RETRY);
    }
  }
}

async function post(address, set) {
  const response = await fetch(address, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ token: form.elements.token.value, round, attribute, set }),
  });
  const answer = await response.json();
  if (response.status >= 400 && response.status < 500) {
    throw Object.assign(new Error(answer.error), { refused: true });
  }
  if (!response.ok) throw new Error(answer.error);
  return answer;
}

// What the form holds as "was" is what the server knows, so that the form sends only what it does not know yet.
function acknowledge(pairs) {
  const known = new Set(was.value ? was.value.split(",") : []);
  for (const [tile, on] of pairs) {
    if (!place.has(String(tile))) continue;
    if (on) known.add(String(tile));
    else known.delete(String(tile));
  }
  was.value = [...known].join(",");
}

function show(answer) {
  document.getElementById("selected").textContent = answer.selected;
}

function tell(unreachable = false) {
  const count = new Set(waiting.flat().map(([tile]) => tile)).size;
  saved.className = unreachable ? "saved lost" : "saved";
  if (unreachable) saved.textContent = `The server does not answer: ${count} not saved yet. Trying again.`;
  else saved.textContent = count ? "Saving …" : "Saved";
}

addEventListener("beforeunload", (event) => {
  if (waiting.length) event.preventDefault();
});
form.addEventListener("submit", () => {
  waiting = []; // the form itself takes them along
});

// --- another tab, or the same page from the browser's memory --------------------------------------------

async function refresh() {
  if (waiting.length) return;
  const asked = acts;
  try {
    const state = await (await fetch(`/state/${round}/${attribute}`)).json();
    if (acts !== asked) return; // it would take back what was clicked meanwhile
    const clicked = new Set(state.clicked.map(String));
    for (const box of boxes) box.checked = clicked.has(box.value);
    was.value = boxes.filter((box) => box.checked).map((box) => box.value).join(",");
    show(state);
  } catch {
    // the next click tells that the server does not answer
  }
}
addEventListener("pageshow", refresh);
document.addEventListener("visibilitychange", () => document.hidden || refresh());

// --- selecting ---------------------------------------------------------------------------------------

grid.addEventListener("click", (event) => {
  const box = event.target.closest("li")?.querySelector("input");
  if (!box || event.target !== box) return; // a click on the picture arrives as one on its box
  const now = place.get(box.value);
  const changed = [box];
  if (event.shiftKey && now !== last) {
    const [from, to] = [Math.min(last, now), Math.max(last, now)];
    for (const other of boxes.slice(from, to + 1)) {
      if (other === box || other.checked === box.checked) continue;
      other.checked = box.checked;
      changed.push(other);
    }
  }
  last = now;
  keep(changed);
});
grid.addEventListener("mousedown", (event) => event.shiftKey && event.preventDefault()); // no text is selected

document.getElementById("undo").addEventListener("click", (event) => {
  event.preventDefault();
  undo();
});

async function undo() {
  if (waiting.length) return setTimeout(undo, 50);
  acts += 1;
  try {
    const answer = await post("/undo", []);
    for (const [tile, on] of answer.set) {
      const box = boxes[place.get(String(tile))];
      if (box) box.checked = on;
    }
    acknowledge(answer.set);
    show(answer);
    saved.textContent = answer.set.length ? "Taken back" : "Nothing to take back";
    preview();
  } catch (error) {
    saved.textContent = error.refused ? error.message : "The server does not answer.";
  }
}

// --- keys ----------------------------------------------------------------------------------------------

function columns() {
  const top = boxes[0].closest("li").offsetTop;
  const second = boxes.findIndex((box) => box.closest("li").offsetTop > top);
  return second < 0 ? boxes.length : second;
}

function move(to) {
  if (to < 0 || to >= boxes.length) return;
  for (const box of boxes) box.tabIndex = -1; // one stop for the Tab key; arrows move inside
  boxes[to].tabIndex = 0;
  boxes[to].focus();
}

grid.addEventListener("keydown", (event) => {
  const now = place.get(event.target.value);
  if (now === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
  const steps = {
    ArrowLeft: () => now - 1,
    ArrowRight: () => now + 1,
    ArrowUp: () => now - columns(),
    ArrowDown: () => now + columns(),
    Home: () => 0,
    End: () => boxes.length - 1,
  };
  if (!(event.key in steps)) return;
  event.preventDefault();
  move(steps[event.key]());
});
document.addEventListener("keydown", (event) => {
  if (event.key.toLowerCase() === "z" && !event.altKey && !event.target.closest("select")) {
    event.preventDefault();
    undo();
  }
});
boxes.forEach((box, i) => (box.tabIndex = i ? -1 : 0));

// --- view ----------------------------------------------------------------------------------------------

for (const select of document.querySelectorAll("form.view select")) {
  select.addEventListener("change", () => {
    if (select.id === "zoom") {
      grid.dataset.zoom = select.value;
      form.elements.zoom.value = select.value;
    } else {
      select.form.requestSubmit();
    }
  });
}

// --- preview -------------------------------------------------------------------------------------------

let planned = null;
function preview() {
  const from = Number(form.dataset.previewFrom);
  if (!from || Number(document.getElementById("selected").textContent) < from) return;
  clearTimeout(planned);
  planned = setTimeout(async () => {
    try {
      const response = await fetch("/preview?part=1");
      if (response.ok) document.getElementById("preview").innerHTML = await response.text();
    } catch {
      // the next click asks again
    }
  }, 700);
}
preview();
