// Keys for the queue: J and K go to the next and the previous request, A to its Approve, S and D open its
// forms, U goes to Undo. They work only while the focus is in the queue or in a request, not in a field,
// they move the focus alone, and they can be switched off (WCAG 2.2, 2.1.4): where there is no room for their
// switch, there are none.

import { isOffered } from "./live.js";

const KEPT = "review keys";

const FIELDS = "input:not([type=checkbox]), textarea, select";

function isOn() {
  return localStorage.getItem(KEPT) !== "off";
}

function links() {
  return [...document.querySelectorAll("nav.queue a[data-request]")];
}

/** The request that has the focus: its link in the queue, and its card where it stands on this page. */
function focused(element) {
  const card = element.closest(".card");
  const id = card ? card.id.replace("review-", "") : element.closest("li")?.querySelector("a")?.dataset.request;
  return {
    link: links().find((link) => link.dataset.request === id),
    card: card ?? document.getElementById(`review-${id}`),
  };
}

function move(element, by) {
  const all = links();
  const at = all.indexOf(focused(element).link);
  const link = at < 0 ? all.at(by > 0 ? 0 : -1) : all[at + by];
  if (!link) return;
  link.focus();
  document.getElementById(`review-${link.dataset.request}`)?.scrollIntoView({ block: "nearest" });
}

/** Opens a form of the card, and goes to its first field. */
function open(card, form) {
  const panel = card?.querySelector(`details[id^="${form}-panel-"]`);
  if (!panel) return;
  panel.open = true;
  panel.querySelector("input:checked, textarea")?.focus();
}

/** Goes to Undo: of this card, or else of what was decided last. */
function undo(card) {
  const offered = [...document.querySelectorAll(".undo")].filter(isOffered);
  const since = (form) => form.getAnimations()[0]?.startTime ?? 0;
  const last = offered.sort((one, other) => since(other) - since(one))[0];
  (offered.find((form) => card?.contains(form)) ?? last)?.querySelector("button").focus();
}

function pressed(event) {
  const { target, key } = event;
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (!isOn() || !document.getElementById("keys").checkVisibility()) return;
  if (!target.closest(".panes :is(nav.queue, .card)") || target.matches(FIELDS)) return;
  const { card } = focused(target);
  const acts = {
    j: () => move(target, 1),
    k: () => move(target, -1),
    a: () => card?.querySelector("form[id^=approve-] button")?.focus(),
    s: () => open(card, "less"),
    d: () => open(card, "deny"),
    u: () => undo(card),
  };
  const act = acts[key.toLowerCase()];
  if (!act) return;
  // What it goes to is not typed into.
  event.preventDefault();
  act();
}

export function startKeys() {
  const hint = document.getElementById("keys");
  if (!hint) return;
  const choice = hint.querySelector("input");
  choice.checked = isOn();
  choice.addEventListener("change", () => {
    localStorage.setItem(KEPT, choice.checked ? "on" : "off");
  });
  hint.hidden = false;
  document.addEventListener("keydown", pressed);
}
