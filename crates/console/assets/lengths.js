// Choosing a length: the button says which one is chosen, and Other… leads to its field.

/** The button of a choice of lengths says which one is chosen. */
function nameLength(form) {
  const button = form.querySelector("[data-length-in]");
  if (!button) return;
  const chosen = form.querySelector(".chip :checked:not([value=other]) + span");
  const words = [button.dataset.lengthIn, chosen?.textContent].filter(Boolean).join(" ");
  const about = button.ariaLabel.slice(button.ariaLabel.indexOf(","));
  button.textContent = words;
  button.ariaLabel = words + about;
}

export function nameLengths() {
  for (const form of document.querySelectorAll("main form")) nameLength(form);
}

export function watchLengths() {
  document.addEventListener("change", ({ target }) => {
    if (!target.closest(".lengths")) return;
    nameLength(target.form);
    if (target.value === "other") target.closest(".lengths").querySelector(".other input").focus();
  });
}
