// Keeps hands and eyes where they are while a page changes: no late second click hits a button
// that has just come under the pointer, the focus is never lost, and changes are read out.

/** For so long a button takes no clicks after it came, moved or was revealed; as in pages.css. */
const SETTLING = 700;

// Not those of closed panels: asking for their places would render them.
const CLOSED = "details:not([open]) > :not(summary) *";
const CONTROLS = `main :is(button, summary, a.btn):not(${CLOSED})`;
const FOCUSABLE = "a[href], button:not(:disabled), summary, input:not([type=hidden]), textarea";

const releases = new WeakMap();
let keysSettleAt = 0;

function hold(control) {
  clearTimeout(releases.get(control));
  control.dataset.held = "";
  const release = () => delete control.dataset.held;
  releases.set(control, setTimeout(release, SETTLING));
}

function place(control) {
  const { x, y } = control.getBoundingClientRect();
  return `${x} ${y}`;
}

/** Changes the page, and holds the buttons that have come or moved. */
export function changeSteadily(change) {
  const controls = [...document.querySelectorAll(CONTROLS)];
  const before = new Map(controls.map((control) => [control, place(control)]));
  const { activeElement } = document;
  const path = [];
  for (let at = activeElement; at && at !== document.body; at = at.parentElement) path.push(at);
  change();
  for (const control of document.querySelectorAll(CONTROLS)) {
    if (before.get(control) !== place(control)) hold(control);
  }
  if (path.length && document.activeElement === document.body) regainFocus(activeElement, path);
}

/** The focus was in something that is gone: it goes to what came in its place. */
function regainFocus(lost, path) {
  const same = lost.id && document.getElementById(lost.id);
  if (same) return focusOn(same);
  const ids = path.map((element) => element.id).filter(Boolean);
  const now = ids.map((id) => document.getElementById(id)).find(Boolean);
  const twins = [...(now?.querySelectorAll(FOCUSABLE) ?? [])];
  const twin = twins.find((other) => lost.name && other.name === lost.name && other.value === lost.value);
  focusOn(
    [now, twin, now?.querySelector(".primary"), twins[0]].find((it) => it?.matches(FOCUSABLE)) ??
      document.querySelector("main h1"),
  );
}

/** Moves the focus without scrolling. A key meant for what had it before does nothing. */
export function focusOn(element) {
  if (!element.matches(FOCUSABLE)) element.tabIndex = -1;
  element.focus({ preventScroll: true });
  keysSettleAt = performance.now() + SETTLING;
}

/** Says something to screen readers. */
export function announce(words) {
  document.getElementById("news").textContent = words;
}

export function watchHands() {
  document.addEventListener(
    "keydown",
    (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      if (event.target.matches("input, textarea")) return;
      const pressed = event.repeat && event.target.matches(FOCUSABLE);
      if (pressed || performance.now() < keysSettleAt) event.preventDefault();
    },
    true,
  );
  // What a panel reveals was not there to aim at.
  document.addEventListener(
    "toggle",
    (event) => {
      if (!event.target.open) return;
      for (const control of event.target.querySelectorAll("form :is(button, a.btn)")) hold(control);
    },
    true,
  );
}
