// When something changes that concerns the person, the page fetches itself again and takes over
// what changed in its parts marked `data-live`; a part that somebody types in is left alone.

import { hasDrafts, inUse, saveDrafts } from "./drafts.js";
import { nameLengths } from "./lengths.js";
import { announce, changeSteadily, focusOn } from "./steady.js";
import { nameZone, servedAt, synchronise, tick } from "./time.js";

/** An element's HTML without what the script, time and people change in it. */
function signature(element) {
  const copy = element.cloneNode(true);
  copy.removeAttribute("style");
  for (const told of copy.querySelectorAll("time[datetime], [data-zone]")) told.textContent = "";
  for (const ring of copy.querySelectorAll(".rest")) ring.removeAttribute("stroke-dasharray");
  for (const toned of copy.querySelectorAll("[data-tone]")) toned.classList.remove("soon");
  for (const undo of copy.querySelectorAll(".undo")) undo.classList.remove("over");
  for (const time of copy.querySelectorAll("time[data-reckoned]")) {
    time.removeAttribute("datetime");
    time.removeAttribute("title");
  }
  for (const button of copy.querySelectorAll("[data-copy]")) button.hidden = true;
  for (const held of copy.querySelectorAll("[data-held]")) delete held.dataset.held;
  for (const form of copy.querySelectorAll("form")) delete form.dataset.sent;
  for (const button of copy.querySelectorAll("[data-length-in]")) {
    button.textContent = "";
    button.removeAttribute("aria-label");
  }
  return copy.outerHTML;
}

/** Takes over the times that move with now, in a part that stays as it is. */
function takeReckoned(known, fresh) {
  const times = fresh.querySelectorAll("time[data-reckoned]");
  known.querySelectorAll("time[data-reckoned]").forEach((time, index) => {
    const { dateTime, title } = times[index] ?? time;
    Object.assign(time, { dateTime, title });
  });
}

/** Takes over children by their ids: unchanged ones stay, with the focus that may be in them. */
function merge(part, fresh, page) {
  const before = new Map([...part.children].map((child) => [child.id, child]));
  const freshIds = new Set([...fresh.children].map((child) => child.id));
  let place = part.firstElementChild;
  const passSettled = () => {
    while (place?.matches(".card") && !freshIds.has(place.id)) place = place.nextElementSibling;
  };
  for (const child of [...fresh.children]) {
    passSettled();
    const known = before.get(child.id);
    before.delete(child.id);
    if (known && (signature(known) === signature(child) || inUse(known))) {
      takeReckoned(known, child);
      if (known === place) place = place.nextElementSibling;
      else part.insertBefore(known, place);
      continue;
    }
    part.insertBefore(document.importNode(child, true), place);
    if (known) {
      if (known === place) place = place.nextElementSibling;
      known.remove();
    } else if (child.matches(".card")) {
      announce(`New request: ${heading(child)}`);
    }
  }
  for (const gone of before.values()) {
    if (gone.matches(".card")) settleElsewhere(gone, page);
    else if (!inUse(gone)) gone.remove();
  }
}

/* Cards that are decided keep their places, so that nothing moves under a pointer. */

function heading(card) {
  return card.querySelector("h2")?.textContent ?? document.querySelector("h1").textContent;
}

/** Shows the decision in the card's place, and goes on to the next one that waits. */
export function settleCard(card, decided, byKeyboard) {
  const settled = document.importNode(decided, true);
  settled.style.minHeight = `${card.offsetHeight}px`;
  changeSteadily(() => {
    card.replaceWith(settled);
    const others = [...settled.parentElement.querySelectorAll(".card")];
    const here = others.indexOf(settled);
    const waiting = (other) => !("settled" in other.dataset);
    const next = others.slice(here).find(waiting) ?? others.find(waiting) ?? settled;
    focusOn(next);
    if (byKeyboard) next.scrollIntoView({ block: "nearest" });
  });
  tick();
  announce(`${settled.dataset.settled}. ${heading(settled)}`);
}

/** A card whose request somebody else decided: it says who, and takes nothing any more. */
function settleElsewhere(card, page) {
  // The answer to what is on its way from here says it, too.
  if ("settled" in card.dataset || card.querySelector("form[data-sent]")) return;
  const row = page.getElementById(card.id.replace("review-", "decided-"));
  const news = row?.dataset.news ?? "It was decided already.";
  card.dataset.settled = news;
  const told = document.createElement("p");
  told.className = "verdict muted";
  told.textContent = news;
  const focused = card.contains(document.activeElement) && document.activeElement;
  for (const button of card.querySelectorAll("button")) button.disabled = true;
  for (const field of card.querySelectorAll("textarea")) field.readOnly = true;
  card.querySelector(".acts")?.before(told);
  if (focused?.disabled) focusOn(card);
  announce(`${news} ${heading(card)}`);
}

/** Those of the page as it was served last. */
let servedCards = new Set();

/** Whether this Undo can be pressed still: the style sheet hides it at its end. */
export function isOffered(undo) {
  return undo.checkVisibility({ visibilityProperty: true });
}

/** Removes settled cards once nobody is at the list; what was typed in one stays, and so does one that can
 *  be undone. */
function sweepSettled() {
  const queue = document.getElementById("queue");
  if (!queue || queue.matches(":hover") || queue.contains(document.activeElement)) return;
  const undoable = (card) => [...card.querySelectorAll(".undo")].some(isOffered);
  const goes = (card) => !servedCards.has(card.id) && !inUse(card) && !undoable(card);
  const settled = [...queue.querySelectorAll("[data-settled]")].filter(goes);
  if (settled.length) changeSteadily(() => settled.forEach((card) => card.remove()));
}

function watchQueue() {
  servedCards = new Set([...document.querySelectorAll(".card")].map((card) => card.id));
  const queue = document.getElementById("queue");
  queue?.addEventListener("pointerleave", sweepSettled);
  // The end of an Undo.
  queue?.addEventListener("animationend", sweepSettled);
  // By then the focus has arrived where it goes.
  queue?.addEventListener("focusout", () => setTimeout(sweepSettled));
}

/* The page as it is now */

/** Goes on to where the browser was going, once for each request. */
function goBack() {
  const back = document.querySelector("[data-back]");
  const key = `back ${location.pathname}`;
  if (!back || sessionStorage.getItem(key)) return;
  sessionStorage.setItem(key, "followed");
  location.assign(back.href);
}

let waiting = null;

/** A page that waits for what no message tells of looks again by itself: also for what moves with now. */
function lookAgain() {
  clearTimeout(waiting);
  const has = (selector) => document.querySelector(selector) !== null;
  if (has("[data-refreshes]")) waiting = setTimeout(refresh, 2000);
  else if (isLive() && has("time[data-reckoned]")) waiting = setTimeout(refreshSeen, 60_000);
}

/** Once the page is seen again, it is told at once. */
function refreshSeen() {
  if (!document.hidden) void refresh();
}

/** What every part of a page needs, however it came. */
export function prepare() {
  lookAgain();
  for (const button of document.querySelectorAll("[data-copy][hidden]")) button.hidden = false;
  nameZone();
  nameLengths();
  tick();
}

function takeOver(page) {
  for (const nav of document.querySelectorAll("nav:not(:has([data-live]))")) {
    const fresh = page.querySelector(`nav[aria-label="${nav.getAttribute("aria-label")}"]`);
    if (!fresh || nav.contains(document.activeElement)) continue;
    nav.replaceChildren(...document.importNode(fresh, true).childNodes);
  }
  document.title = page.title;
  servedCards = new Set([...page.querySelectorAll(".card")].map((card) => card.id));
  changeSteadily(() => {
    for (const part of document.querySelectorAll("[data-live][id]")) {
      const fresh = page.getElementById(part.id);
      if (fresh) merge(part, fresh, page);
    }
    prepare();
  });
  sweepSettled();
  goBack();
}

/** The page cannot be had any more: the session ended, or it is no longer visible. */
function leave() {
  saveDrafts();
  if (hasDrafts()) signInAgain();
  else location.reload();
}

/** To the sign-in, and back to this page with what was typed. */
export function signInAgain() {
  saveDrafts();
  const here = encodeURIComponent(location.pathname + location.search);
  location.assign(`/sign-in?next=${here}&unsent=true`);
}

let fetching = null;
let again = false;

export async function refresh() {
  if (fetching) {
    again = true;
    return fetching;
  }
  fetching = (async () => {
    do {
      again = false;
      const answer = await fetch(location.href, { headers: { accept: "text/html" } });
      const at = performance.now();
      if (answer.redirected) return leave();
      if (!answer.ok && hasDrafts()) {
        showBar("This page is out of date. Reload it.");
        return;
      }
      if (!answer.ok) return location.reload();
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      synchronise(page.body, at);
      takeOver(page);
    } while (again);
  })();
  try {
    await fetching;
    document.getElementById("stale")?.remove();
  } catch {
    // The stream reconnects, and tells when the controller is back.
    showBar(`Can’t reach Hourkey. Last updated ${servedAt()}.`);
  } finally {
    fetching = null;
  }
}

/** Says that the page stands still. */
function showBar(words) {
  const bar = document.getElementById("stale") ?? document.createElement("p");
  bar.id = "stale";
  bar.className = "bar warn";
  bar.role = "status";
  if (bar.textContent !== words) bar.textContent = words;
  if (!bar.isConnected) document.querySelector("main").prepend(bar);
}

let stream = null;

function listen() {
  if (stream || document.hidden) return;
  stream = new EventSource("/live");
  stream.addEventListener("message", ({ data }) => {
    if (data === "ended") leave();
    // Everybody is told that: not all at once.
    else if (data === "reorganised") setTimeout(refresh, Math.random() * 3000);
    else void refresh();
  });
  stream.addEventListener("error", () => {
    // Signed out, or the controller is away: the page itself finds out.
    void refresh();
    if (stream?.readyState !== EventSource.CLOSED) return;
    // The browser gave up trying.
    stream = null;
    setTimeout(listen, 5000);
  });
}

/** A browser allows few connections a site: a page that nobody sees keeps none. */
function followVisibility() {
  if (!document.hidden) {
    listen();
  } else if (stream) {
    stream.close();
    stream = null;
  }
}

export function isLive() {
  return "live" in document.body.dataset;
}

export function startLive() {
  prepare();
  setInterval(tick, 1000);
  goBack();
  if (!isLive()) return;
  watchQueue();
  document.addEventListener("visibilitychange", followVisibility);
  listen();
}
