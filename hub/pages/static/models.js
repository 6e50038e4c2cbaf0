// Lists of models, where scripts run: copying a hash, choosing many rows.
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

  const picks = () => [...document.querySelectorAll("input[data-pick]")];

  function count() {
    const all = picks();
    const chosen = all.filter((box) => box.checked).length;
    for (const node of document.querySelectorAll("[data-bulk-count]")) {
      node.textContent = chosen ? `${chosen} chosen` : "";
    }
    for (const button of document.querySelectorAll("[data-bulk]")) { button.disabled = chosen === 0; }
    const every = document.getElementById("pick-all");
    if (every) {
      every.checked = chosen > 0 && chosen === all.length;
      every.indeterminate = chosen > 0 && chosen < all.length;
    }
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copies]");
    if (button) { copy(button); }
  });
  document.addEventListener("change", (event) => {
    if (event.target.id === "pick-all") { for (const box of picks()) { box.checked = event.target.checked; } }
    if (event.target.id === "pick-all" || "pick" in event.target.dataset) { count(); }
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

  // A request that a later letter makes needless is cut off, which is meant: htmx would call it an error.
  const running = new Map();
  document.addEventListener("htmx:beforeSend", (event) => running.set(event.detail.xhr, event.detail));
  document.addEventListener("htmx:beforeOnLoad", (event) => running.delete(event.detail.xhr));
  document.addEventListener("htmx:abort", () => {
    for (const request of running.values()) { request.error = null; }
    running.clear();
  }, true);

  function again() { count(); fold(); }
  document.addEventListener("htmx:afterSwap", again);
  window.addEventListener("pageshow", again);
  again();
})();
