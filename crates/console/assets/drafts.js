// What somebody types is kept in this tab until it was sent: it outlives a session that ends, a
// page that reloads and a sign-in in between. Passwords and codes of visitors are never kept.

function draftsKey() {
  const { user } = document.body.dataset;
  return user && `drafts ${user} ${location.pathname}`;
}

function stored() {
  return JSON.parse(sessionStorage.getItem(draftsKey()) ?? "{}");
}

function store(drafts) {
  if (Object.keys(drafts).length) sessionStorage.setItem(draftsKey(), JSON.stringify(drafts));
  else sessionStorage.removeItem(draftsKey());
}

function typedFields(form) {
  const without = ["hidden", "password", "submit", "button"];
  return [...form.elements].filter(
    (field) =>
      field.name && !without.includes(field.type) && field.autocomplete !== "one-time-code",
  );
}

/** Whether a field is chosen, and not typed into. */
function isChosen(field) {
  return field.type === "radio" || field.type === "checkbox";
}

const BUSY = "input:not([type=hidden]), textarea, details, form";

/** Whether somebody is busy in it: a panel is open, a field is not as it was served, or a form is
 *  on its way. */
export function inUse(element) {
  const fields = [...element.querySelectorAll(BUSY)];
  // Other elements may have a value, too: a list item has its number.
  if (element.matches(BUSY)) fields.push(element);
  return fields.some((field) => {
    if (field.tagName === "DETAILS") return field.open;
    if (field.tagName === "FORM") return "sent" in field.dataset;
    if (isChosen(field)) return field.checked !== field.defaultChecked;
    return field.ariaInvalid === "true" || (field.value ?? "") !== (field.defaultValue ?? "");
  });
}

function keptForms() {
  return document.querySelectorAll("main form[method=post][id]");
}

export function saveDrafts() {
  if (!draftsKey()) return;
  const drafts = stored();
  for (const form of keptForms()) {
    const panel = form.closest("details");
    if (inUse(panel ?? form)) {
      const values = typedFields(form).map((field) => [
        field.name,
        field.value,
        !isChosen(field) || field.checked,
      ]);
      drafts[form.id] = { open: panel?.open ?? false, values, version: form.dataset.version };
    } else {
      delete drafts[form.id];
    }
  }
  store(drafts);
}

/** Whether there is something on this page that was typed and not sent. */
export function hasDrafts() {
  return Boolean(draftsKey()) && Object.keys(stored()).length > 0;
}

export function restoreDrafts() {
  if (!draftsKey()) return;
  const drafts = stored();
  for (const form of keptForms()) {
    const draft = drafts[form.id];
    // What was typed for something that has changed since would undo that without a word.
    if (!draft || draft.version !== form.dataset.version) continue;
    if (draft.open) form.closest("details").open = true;
    for (const field of typedFields(form)) {
      const same = ([name, value]) =>
        name === field.name && (!isChosen(field) || value === field.value);
      const [, value, chosen] = draft.values.find(same) ?? [];
      if (value === undefined) continue;
      if (isChosen(field)) field.checked = chosen;
      else field.value = value;
    }
  }
}

/** The form was sent: nothing of it is kept any longer, nor of the steps before it. */
export function forgetDraft(form) {
  if (!draftsKey()) return;
  const drafts = stored();
  delete drafts[form.id];
  if (form.dataset.after) delete drafts[form.dataset.after];
  store(drafts);
}
