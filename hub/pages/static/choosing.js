// Rows that are chosen to be changed together: all at once, how many, and that they stay chosen when a list renews itself.
"use strict";

(() => {
  const picks = (root) => [...root.querySelectorAll("input[data-pick]")];

  function count() {
    const all = picks(document);
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

  document.addEventListener("change", (event) => {
    if (event.target.id === "pick-all") { for (const box of picks(document)) { box.checked = event.target.checked; } }
    if (event.target.id === "pick-all" || "pick" in event.target.dataset) { count(); }
  });
  // What is brought up to date keeps its choice. Where something else is asked for, the choice was of what stood there.
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (!event.target.matches("[data-live]")) { return; }
    const names = new Set(picks(event.target).filter((box) => box.checked).map((box) => box.name));
    document.addEventListener("htmx:afterSwap", () => {
      for (const box of picks(document)) { if (names.has(box.name)) { box.checked = true; } }
    }, { once: true });
  });
  document.addEventListener("htmx:afterSwap", count);
  window.addEventListener("pageshow", count);
  count();
})();
