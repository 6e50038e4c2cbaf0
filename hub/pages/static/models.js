// Lists of models, where scripts run: copying a hash, folding the filters.
"use strict";

(() => {
  /** Copy a text; a page without TLS has no clipboard API, there the old command does it. */
  async function copied(text) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      const field = document.createElement("textarea");
      field.value = text;
      document.body.append(field);
      field.select();
      const done = document.execCommand("copy");
      field.remove();
      return done;
    }
  }

  async function copy(button) {
    const text = button.dataset.copies;
    const done = await copied(text);
    button.textContent = done ? "copied" : "Ctrl+C";
    button.focus();
    setTimeout(() => { button.textContent = text; }, 1500);
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copies]");
    if (button) { copy(button); }
  });
  // On a narrow page the filters stand above what they filter: they are folded until somebody unfolds them.
  const narrow = matchMedia("(max-width: 900px)");
  let unfolded = false;
  function fold() {
    for (const node of document.querySelectorAll(".facets-fold")) { node.open = !narrow.matches || unfolded; }
  }
  document.addEventListener("click", (event) => {
    const summary = event.target.closest(".facets-fold > summary");
    if (summary) { unfolded = !summary.parentNode.open; }
  });
  narrow.addEventListener("change", fold);

  document.addEventListener("htmx:afterSwap", fold);
  window.addEventListener("pageshow", fold);
  fold();
})();
