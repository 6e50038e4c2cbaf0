// Hears what happens at the hub and lets htmx bring what is marked data-live up to date. The hub's HTML is the only truth:
// an event is a hint, so a storm of them is one look every two seconds. A page in the background listens to nothing,
// because a browser has but six connections for one hub.
"use strict";

(() => {
  const PAUSE_MS = 2000;
  let source = null, paused = false, due = null, last = 0, heard = 0;

  function say() {
    const state = document.getElementById("live-state");
    if (!state) { return; }
    const text = paused ? (heard ? `paused, ${heard} new` : "paused") : source && source.readyState === 1 ? "live" : "";
    if (state.textContent !== text) { state.textContent = text; }
  }

  function look() {
    due = null;
    last = Date.now();
    heard = 0;
    for (const node of document.querySelectorAll("[data-live]")) { htmx.trigger(node, "changed"); }
  }

  function happened() {
    heard += 1;
    if (!paused && due === null) { due = setTimeout(look, Math.max(50, last + PAUSE_MS - Date.now())); }
    say();
  }

  function listen() {
    if (source || document.hidden || !document.querySelector("[data-live]")) { return; }
    source = new EventSource("/api/v1/events");
    source.onopen = say;
    source.onerror = () => {
      if (source && source.readyState === EventSource.CLOSED) {
        source = null;
        setTimeout(listen, 5000);
      }
      say();
    };
    for (const kind of document.body.dataset.events.split(" ")) { source.addEventListener(kind, happened); }
  }

  function leave() {
    if (source) { source.close(); }
    source = null;
  }

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) { leave(); } else { listen(); happened(); }
  });
  window.addEventListener("pagehide", leave);
  window.addEventListener("pageshow", listen);
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-pause]");
    if (!button) { return; }
    paused = !paused;
    button.setAttribute("aria-pressed", String(paused));
    if (!paused && heard) { look(); }
    say();
  });
  // What is paused, or read with a line open, is not swapped away.
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (paused && event.target.matches("[data-live]")) { event.preventDefault(); }
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (!event.target.matches("[data-live]")) { return; }
    const open = [...event.target.querySelectorAll("details[open][id]")].map((node) => node.id);
    document.addEventListener("htmx:afterSettle", () => {
      for (const id of open) {
        const node = document.getElementById(id);
        if (node) { node.open = true; }
      }
    }, { once: true });
  });
  listen();
})();
