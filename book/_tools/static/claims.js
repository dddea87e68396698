// The filters above a list of claims. The address keeps what is chosen, after its #, so that a
// choice can be linked. Without this script the whole list is there, and the filters are not.
"use strict";

const form = document.querySelector(".claims-filter");
const fields = [...form.elements].filter((field) => field.name);
const claims = [...document.querySelectorAll("div.claim")];
const texts = claims.map((claim) => claim.textContent.toLowerCase());
const sections = [...new Set(claims.map((claim) => claim.closest("section")))];

/**
 * Show the claims that bear every chosen class and hold every word. In haste, those out of view are
 * laid out later, so that places are not where they will be.
 */
function show({inHaste}) {
  form.classList.toggle("in-haste", inHaste);
  const chosen = fields.filter((field) => field.value.trim());
  const classes = chosen.filter((field) => field.name !== "text")
    .map((field) => `${field.name}-${field.value}`);
  const words = form.elements.text.value.toLowerCase().split(/\s+/);
  let count = 0;
  claims.forEach((claim, index) => {
    const fits = classes.every((name) => claim.classList.contains(name))
      && words.every((word) => texts[index].includes(word));
    claim.hidden = !fits;
    count += fits;
  });
  for (const section of sections) {
    section.hidden = !section.querySelector(":scope > .claim:not([hidden])");
  }
  form.querySelector("output").value = `${count} of ${claims.length} claims`;
  return new URLSearchParams(chosen.map((field) => [field.name, field.value.trim()]));
}

/** Do as the address says: a choice, or a place, for which everything is shown. */
function recall() {
  const address = location.hash.slice(1);
  const isChoice = address.includes("=");
  const choice = new URLSearchParams(isChoice ? address : "");
  for (const field of fields) {
    field.value = choice.get(field.name) ?? "";
    if (field.selectedIndex === -1) field.value = "";
  }
  show({inHaste: isChoice});
  const place = isChoice ? form : document.getElementById(decodeURIComponent(address));
  place?.scrollIntoView();
}

/** Show what was chosen, and keep it in the address. */
function choose() {
  history.replaceState(null, "", `#${show({inHaste: true})}`);
}

form.addEventListener("input", choose);
form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("reset", () => {
  for (const field of fields) field.value = "";
  choose();
});
window.addEventListener("hashchange", recall);
form.hidden = false;
recall();
