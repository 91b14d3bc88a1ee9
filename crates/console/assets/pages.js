// Makes the pages live. They are useful without it.

import { startForms } from "./forms.js";
import { startKeys } from "./keys.js";
import { watchLengths } from "./lengths.js";
import { startLive } from "./live.js";
import { watchHands } from "./steady.js";
import { synchronise } from "./time.js";

async function copy(button) {
  const label = button.dataset.label ?? button.innerHTML;
  button.dataset.label = label;
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.textContent = "Copied";
  } catch {
    button.textContent = button.dataset.copy;
  }
  setTimeout(() => {
    button.innerHTML = label;
  }, 2000);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) void copy(button);
  for (const open of document.querySelectorAll("details.pop[open]")) {
    if (!open.contains(event.target) && !open.closest(".card")) open.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const open of document.querySelectorAll("details.pop[open]")) {
    open.open = false;
    open.querySelector("summary").focus();
  }
});

const jump = document.querySelector("[data-jump]");
const isMac = navigator.platform.startsWith("Mac");
if (jump) jump.placeholder += isMac ? " ⌘K" : " Ctrl K";

document.addEventListener("keydown", (event) => {
  const isJump = (isMac ? event.metaKey : event.ctrlKey) && event.key.toLowerCase() === "k";
  if (!jump || !isJump || event.shiftKey || event.altKey) return;
  event.preventDefault();
  if (jump.checkVisibility()) {
    jump.focus();
    jump.select();
  } else {
    location.assign("/jump");
  }
});

function takeFragment() {
  const field = document.querySelector("[data-from-fragment]");
  const code = decodeURIComponent(location.hash.slice(1));
  if (!field || !code) return;
  field.value = code;
  history.replaceState(null, "", location.pathname);
  const fields = [...field.form.elements];
  fields[fields.indexOf(field) + 1].focus();
}

takeFragment();
// A link that is opened on its own page changes the fragment only.
addEventListener("hashchange", takeFragment);

const [navigation] = performance.getEntriesByType("navigation");
synchronise(document.body, navigation?.responseStart ?? performance.now());
watchHands();
startForms();
watchLengths();
startLive();
startKeys();
