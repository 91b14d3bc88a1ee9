// Makes the pages live. They are useful without it.
//
// When something changes that concerns the person, the page fetches itself again and takes over
// what changed in its parts marked `data-live`; a part that somebody types in is left alone. Time
// is the server's: `data-now` of the page, counted on by the browser's monotonic clock.
"use strict";
(() => {
  const SECOND = 1000;
  const MINUTE = 60 * SECOND;
  const HOUR = 60 * MINUTE;
  const DAY = 24 * HOUR;

  /* Time */

  let served = { now: 0, at: 0 };

  /** Takes the server's time from a page that arrived at `at` by the monotonic clock. */
  function synchronise(body, at) {
    if (body.dataset.now) served = { now: Date.parse(body.dataset.now), at };
  }

  function now() {
    return served.now + (performance.now() - served.at);
  }

  const LOCALE = navigator.language.startsWith("en") ? navigator.language : "en-GB";
  const CLOCK = new Intl.DateTimeFormat(LOCALE, { hour: "2-digit", minute: "2-digit" });
  const INSTANT = new Intl.DateTimeFormat(LOCALE, {
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    fractionalSecondDigits: 3,
  });
  const DATE = new Intl.DateTimeFormat(LOCALE, { day: "numeric", month: "short" });

  function left(until) {
    const ms = Math.max(until - now(), 0);
    if (ms <= MINUTE) return `${Math.ceil(ms / SECOND)} s`;
    const minutes = Math.ceil(ms / MINUTE);
    const parts = [
      [Math.floor(minutes / 1440), "d"],
      [Math.floor(minutes / 60) % 24, "h"],
      [minutes % 60, "min"],
    ];
    const first = parts.findIndex(([count]) => count > 0);
    return parts
      .slice(first, first + 2)
      .filter(([count]) => count > 0)
      .map(([count, unit]) => `${count} ${unit}`)
      .join(" ");
  }

  function ago(at) {
    const ms = now() - at;
    if (ms < MINUTE) return "just now";
    if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min ago`;
    if (ms < DAY) return `${Math.floor(ms / HOUR)} h ago`;
    return `${Math.floor(ms / DAY)} d ago`;
  }

  function moment(at) {
    const sameDay = new Date(at).toDateString() === new Date(now()).toDateString();
    return sameDay ? CLOCK.format(at) : `${DATE.format(at)} ${CLOCK.format(at)}`;
  }

  function instant(at) {
    return INSTANT.format(at);
  }

  const WORDS = { left, ago, moment, instant };

  /** Says all times anew. Texts that stay the same are not touched. */
  function tick() {
    for (const time of document.querySelectorAll("time[datetime]")) {
      const at = Date.parse(time.dateTime);
      const kind = Object.keys(WORDS).find((kind) => kind in time.dataset);
      const words = WORDS[kind ?? "moment"](at);
      if (time.textContent !== words) time.textContent = words;
    }
    for (const ring of document.querySelectorAll(".rest[data-until]")) {
      const from = Date.parse(ring.dataset.from);
      const until = Date.parse(ring.dataset.until);
      const rest = Math.min(Math.max((until - now()) / (until - from), 0), 1);
      ring.setAttribute("stroke-dasharray", `${Math.round(rest * 1000)} 1000`);
    }
    for (const toned of document.querySelectorAll("[data-tone]")) {
      toned.classList.toggle("soon", Date.parse(toned.dataset.tone) - now() < 10 * MINUTE);
    }
  }

  /* Live parts */

  /** An element's HTML without what the script, time and people change in it. */
  function signature(element) {
    const copy = element.cloneNode(true);
    for (const time of copy.querySelectorAll("time[datetime]")) time.textContent = "";
    for (const ring of copy.querySelectorAll(".rest")) ring.removeAttribute("stroke-dasharray");
    for (const toned of copy.querySelectorAll("[data-tone]")) toned.classList.remove("soon");
    for (const button of copy.querySelectorAll("[data-copy]")) button.hidden = true;
    for (const form of copy.querySelectorAll("form")) delete form.dataset.sent;
    return copy.outerHTML;
  }

  function inUse(element) {
    const fields = element.querySelectorAll("input:not([type=hidden]), textarea, details");
    return [...fields].some((field) =>
      field.tagName === "DETAILS"
        ? field.open
        : field.type === "radio"
          ? field.checked !== field.defaultChecked
          : field.value !== field.defaultValue,
    );
  }

  /** Takes over children by their ids: unchanged ones stay, with the focus that may be in them. */
  function merge(part, fresh) {
    const before = new Map([...part.children].map((child) => [child.id, child]));
    let place = part.firstElementChild;
    for (const child of [...fresh.children]) {
      const known = before.get(child.id);
      before.delete(child.id);
      if (known && (signature(known) === signature(child) || inUse(known))) {
        if (known === place) place = place.nextElementSibling;
        else part.insertBefore(known, place);
        continue;
      }
      part.insertBefore(document.importNode(child, true), place);
      if (known) {
        if (known === place) place = place.nextElementSibling;
        known.remove();
      }
    }
    for (const gone of before.values()) {
      if (!inUse(gone)) gone.remove();
    }
  }

  /** Goes on to where the browser was going, once for each request. */
  function goBack() {
    const back = document.querySelector("[data-back]");
    const key = `back ${location.pathname}`;
    if (!back || sessionStorage.getItem(key)) return;
    sessionStorage.setItem(key, "followed");
    location.assign(back.href);
  }

  let fetching = null;
  let again = false;

  async function refresh() {
    if (fetching) {
      again = true;
      return fetching;
    }
    fetching = (async () => {
      do {
        again = false;
        const answer = await fetch(location.href, { headers: { accept: "text/html" } });
        const at = performance.now();
        if (answer.redirected || !answer.ok) {
          // Signed out, or no longer visible: show what the server says now.
          location.reload();
          return;
        }
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        synchronise(page.body, at);
        document.title = page.title;
        const nav = document.querySelector("header nav");
        const freshNav = page.querySelector("header nav");
        if (nav && freshNav && !nav.contains(document.activeElement)) {
          nav.replaceChildren(...document.importNode(freshNav, true).childNodes);
        }
        for (const part of document.querySelectorAll("[data-live][id]")) {
          const fresh = page.getElementById(part.id);
          if (fresh) merge(part, fresh);
        }
        prepare(document);
        tick();
        goBack();
      } while (again);
    })();
    try {
      await fetching;
      stale(false);
    } catch {
      // The stream reconnects, and tells when the controller is back.
      stale(true);
    } finally {
      fetching = null;
    }
  }

  /** Says that the controller is away, and since when the page stands still. */
  function stale(is) {
    let bar = document.getElementById("stale");
    if (!is) bar?.remove();
    if (!is || bar) return;
    bar = document.createElement("p");
    bar.id = "stale";
    bar.className = "bar warn";
    bar.role = "status";
    const since = CLOCK.format(served.now);
    bar.textContent = `Hourkey does not answer. This page shows how things stood at ${since}.`;
    document.querySelector("main").prepend(bar);
  }

  let stream = null;

  function listen() {
    if (stream || document.hidden) return;
    stream = new EventSource("/live");
    stream.addEventListener("message", ({ data }) => {
      if (data === "ended") location.reload();
      // Everybody is told that: not all at once.
      else if (data === "reorganised") setTimeout(refresh, Math.random() * 3 * SECOND);
      else void refresh();
    });
    stream.addEventListener("error", () => {
      // Signed out, or the controller is away: the page itself finds out.
      void refresh();
      if (stream?.readyState !== EventSource.CLOSED) return;
      // The browser gave up trying.
      stream = null;
      setTimeout(listen, 5 * SECOND);
    });
  }

  /** A browser allows few connections a site: a page that nobody sees keeps none. */
  function visibility() {
    if (!document.hidden) {
      listen();
    } else if (stream) {
      stream.close();
      stream = null;
    }
  }

  /* Small things */

  function prepare(root) {
    for (const button of root.querySelectorAll("[data-copy][hidden]")) button.hidden = false;
  }

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
    }, 2 * SECOND);
  }

  /** What somebody typed survives their sign-in in between, in this tab only. */
  function keep(form) {
    const reason = form.elements.namedItem("reason");
    const key = `typed ${form.dataset.keep} ${location.pathname}`;
    if (!reason.value) reason.value = sessionStorage.getItem(key) ?? "";
    form.addEventListener("input", () => sessionStorage.setItem(key, reason.value));
  }

  /** Once it was sent it is kept no longer. */
  function forgetKept() {
    if (!location.pathname.startsWith("/requests/")) return;
    for (const key of Object.keys(sessionStorage)) {
      if (key.startsWith("typed ")) sessionStorage.removeItem(key);
    }
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

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    if (form.method === "post") form.dataset.sent = "true";
  });

  // Back to a page that was left: its forms can be sent again.
  addEventListener("pageshow", (event) => {
    for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
    if (event.persisted && "live" in document.body.dataset) void refresh();
  });

  const takeFragment = () => {
    const field = document.querySelector("[data-from-fragment]");
    const code = decodeURIComponent(location.hash.slice(1));
    if (!field || !code) return;
    field.value = code;
    history.replaceState(null, "", location.pathname);
    const fields = [...field.form.elements];
    fields[fields.indexOf(field) + 1].focus();
  };
  takeFragment();
  // A link that is opened on its own page changes the fragment only.
  addEventListener("hashchange", takeFragment);

  for (const lengths of document.querySelectorAll(".lengths")) {
    lengths.addEventListener("change", (event) => {
      if (event.target.value === "other") lengths.querySelector(".other input").focus();
    });
  }

  const [navigation] = performance.getEntriesByType("navigation");
  synchronise(document.body, navigation?.responseStart ?? performance.now());
  prepare(document);
  for (const form of document.querySelectorAll("form[data-keep]")) keep(form);
  forgetKept();
  tick();
  setInterval(tick, SECOND);
  goBack();
  if ("live" in document.body.dataset) {
    document.addEventListener("visibilitychange", visibility);
    listen();
  }
})();
