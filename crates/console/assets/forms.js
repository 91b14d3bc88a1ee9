// Sends forms in place: a refused one keeps everything in it and says what is wrong, and neither
// Back nor Reload ever asks to send one again. Without the script forms are sent as usual.

import { forgetDraft, restoreDrafts, saveDrafts } from "./drafts.js";
import { isLive, prepare, refresh, settleCard, signInAgain } from "./live.js";
import { changeSteadily, focusOn } from "./steady.js";

async function send(form, submitter) {
  const body = new URLSearchParams(new FormData(form));
  if (submitter?.name) body.append(submitter.name, submitter.value);
  const byKeyboard = submitter?.matches(":focus-visible") ?? true;
  // A sign-in may lead on to a program on this computer, which only the browser itself can call.
  const followed = form.dataset.then !== "reload";
  const redirect = followed ? "follow" : "manual";
  const answer = await fetch(form.action, { method: "POST", body, redirect });
  if (answer.type === "opaqueredirect") return location.reload();
  const address = new URL(answer.url);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (page.getElementById("sign-in") && form.id !== "sign-in") return signInAgain();
  if (!answer.redirected) {
    return answer.ok || "redraws" in form.dataset ? goOn(form, page) : complain(form, page);
  }
  forgetDraft(form);
  if (!isLive() || !form.closest("[data-live]")) return location.assign(address);
  const card = form.closest(".card");
  const decided = card && page.getElementById(card.id);
  if (decided) settleCard(card, decided, byKeyboard);
  else form.closest("details")?.removeAttribute("open");
  // Nobody is busy in it any more: it may be replaced.
  form.reset();
  delete form.dataset.sent;
  await refresh();
}

/** The next step of the same page, or the same step with what is wrong beside each field. */
function goOn(form, page) {
  changeSteadily(() => {
    document.querySelector("main").replaceWith(document.importNode(page.querySelector("main"), true));
    document.title = page.title;
    const address = document.querySelector("main [data-address]")?.dataset.address;
    if (address) {
      // On another page its form has what was typed.
      if (!address.startsWith(location.pathname)) forgetDraft(form);
      history.replaceState(null, "", address);
    }
    prepare();
  });
  focusOn(document.querySelector("main [aria-invalid=true]") ?? document.querySelector("main h1"));
}

/** Takes what is wrong over from the answer; what was typed stays. */
function complain(form, page) {
  const refused = page.getElementById(form.id);
  for (const field of form.elements) {
    const twin = [...(refused?.elements ?? [])].find(
      (other) => other.name === field.name && (field.type !== "radio" || other.value === field.value),
    );
    if (field.type === "radio" && twin) field.checked = twin.checked;
    // Of an earlier sign-in: it can be sent now.
    if (field.name === "token" && twin) field.value = twin.value;
    for (const mark of ["aria-invalid", "aria-describedby"]) {
      if (twin?.hasAttribute(mark)) field.setAttribute(mark, twin.getAttribute(mark));
      else if (field.getAttribute(mark) === "complaint" || mark === "aria-invalid") {
        field.removeAttribute(mark);
      }
    }
  }
  // Where nothing is wrong with a field, the page itself says what is.
  const said = page.querySelector("#complaint span") ?? page.querySelector("main .lead");
  showComplaint(form, said?.textContent ?? "This page is out of date. Reload it.");
  if (!document.title.startsWith("Error: ")) document.title = `Error: ${document.title}`;
}

function showComplaint(form, words) {
  document.getElementById("complaint")?.remove();
  const complaint = document.createElement("p");
  complaint.id = "complaint";
  complaint.className = "complaint";
  complaint.role = "alert";
  complaint.textContent = words;
  form.prepend(complaint);
  saveDrafts();
  const wrong = form.querySelector("[aria-invalid=true]");
  focusOn(wrong ?? complaint);
  (wrong ?? complaint).scrollIntoView({ block: "nearest" });
}

function submitted(event) {
  const form = event.target;
  if (form.dataset.sent) return event.preventDefault();
  if (form.method !== "post") return;
  form.dataset.sent = "true";
  if (!form.closest("main") || "navigates" in form.dataset) return;
  event.preventDefault();
  form.ariaBusy = "true";
  send(form, event.submitter)
    .catch(() => showComplaint(form, "Can’t reach Hourkey. Try again in a moment."))
    .finally(() => {
      delete form.dataset.sent;
      form.ariaBusy = null;
    });
}

export function startForms() {
  restoreDrafts();
  document.addEventListener("submit", submitted);
  for (const event of ["input", "change"]) document.addEventListener(event, saveDrafts);
  document.addEventListener("toggle", saveDrafts, true);
  // Back to a page that was left: its forms can be sent again.
  addEventListener("pageshow", (event) => {
    for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
    if (event.persisted && isLive()) void refresh();
  });
}
