// How far running jobs are: asked once a second at most, while something runs here and somebody looks.
"use strict";

(() => {
  const EVERY_MS = 1000, MOST = 50;
  let asking = false;

  function show(node, told) {
    node.querySelector(".bar-part").setAttribute("width", told.percent);
    const text = node.querySelector("[data-progress-text]");
    if (text.textContent !== told.text) { text.textContent = told.text; }
    const image = node.querySelector("img");
    if (told.preview && image.getAttribute("src") !== told.preview) {
      image.src = told.preview; // the picture before stays until this one is there
      image.alt = "What is made, so far";
      image.hidden = false;
    }
  }

  async function ask() {
    const nodes = [...document.querySelectorAll("[data-progress]")];
    if (asking || document.hidden || !nodes.length) { return; }
    asking = true;
    const ids = [...new Set(nodes.map((node) => node.dataset.progress))].slice(0, MOST);
    try {
      const answer = await fetch(`/queue/progress?jobs=${ids.join(",")}`);
      const told = answer.ok ? (await answer.json()).jobs : {};
      for (const node of nodes) { if (told[node.dataset.progress]) { show(node, told[node.dataset.progress]); } }
    } catch {
      // The hub is away: what renews the page says so.
    }
    asking = false;
  }

  setInterval(ask, EVERY_MS);
})();
