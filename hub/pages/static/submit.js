// The form for a job, where scripts run: the check while one types, suggestions, an image that is dropped.
"use strict";

(() => {
  const form = document.getElementById("job");
  const WAIT_MS = 400;
  let due = null;

  function check() {
    clearTimeout(due);
    due = setTimeout(() => htmx.trigger("#check", "check"), WAIT_MS);
  }

  const field = (id) => document.getElementById(id);

  function fill(id, text) {
    field(id).value = text;
    check();
  }

  /** Put a LoRA's tag where the caret was last, else at the end. */
  function addLora(name) {
    const prompt = field("prompt");
    const tag = `<lora:${name}:1>`;
    const at = prompt.selectionEnd || prompt.value.length;
    const before = prompt.value.slice(0, at), after = prompt.value.slice(at);
    prompt.value = `${before}${before && !/\s$/.test(before) ? " " : ""}${tag}${after && !/^[\s,]/.test(after) ? " " : ""}${after}`;
    field("lora").value = "";
    check();
  }

  function take(button) {
    const input = button.closest(".suggesting").querySelector("input");
    const { suggests, name, hash } = button.dataset;
    if (suggests === "checkpoint") {
      fill("checkpoint", name);
      fill("model_hash", hash);
    } else {
      addLora(name);
    }
    close(input);
    input.focus();
  }

  function close(input) { input.closest(".suggesting").querySelector(".suggestions").replaceChildren(); }

  /** Walk through suggestions with the arrows; Escape closes them. */
  function walk(event) {
    const box = event.target.closest(".suggesting");
    if (!box) { return; }
    const input = box.querySelector("input");
    const all = [...box.querySelectorAll(".suggestion")];
    const at = all.indexOf(document.activeElement);
    if (event.key === "Escape" && all.length) {
      close(input);
      input.focus();
    } else if (event.key === "ArrowDown" && all.length) {
      all[Math.min(at + 1, all.length - 1)].focus();
    } else if (event.key === "ArrowUp" && at >= 0) {
      (at ? all[at - 1] : input).focus();
    } else if (event.key === "Enter" && event.target === input && all.length) {
      take(all[0]);
    } else {
      return;
    }
    event.preventDefault();
  }

  /** Have the hub read the infotext of an image, and show the form that it fills. */
  async function read(file) {
    const note = field("image-note");
    note.textContent = `Reading ${file.name} …`;
    try {
      const headers = JSON.parse(document.body.getAttribute("hx-headers"));
      const answer = await fetch("/queue/new/image", { method: "POST", body: file, headers });
      const told = await answer.json();
      if (!answer.ok) { note.textContent = told.message; return; }
      note.textContent = `The form has what ${file.name} says.`;
      for (const [name, text] of Object.entries(told.form)) {
        const node = form.elements.namedItem(name);
        if (node) { node.value = text; }
      }
      if (told.form.more) { field("rest").open = true; }
      check();
    } catch {
      note.textContent = "The hub does not answer.";
    }
  }

  form.addEventListener("input", check);
  form.addEventListener("change", check);
  form.addEventListener("keydown", walk);
  form.addEventListener("input", (event) => {
    // Another name is another model: the hash of the one before would contradict it.
    if (event.target.id === "checkpoint") { field("model_hash").value = ""; }
  });
  document.addEventListener("click", (event) => {
    const suggestion = event.target.closest(".suggestion");
    if (suggestion) { take(suggestion); }
    const meant = event.target.closest("[data-fill-hash]");
    if (meant) { fill("model_hash", meant.dataset.fillHash); }
  });
  // One list is open at a time, that of the field where the person is: an answer that comes late opens none.
  function closeOthers() {
    for (const box of document.querySelectorAll(".suggesting")) {
      if (!box.contains(document.activeElement)) { box.querySelector(".suggestions").replaceChildren(); }
    }
  }
  form.addEventListener("focusin", closeOthers);
  form.addEventListener("htmx:afterSwap", closeOthers);
  const chooser = field("image-file");
  chooser.addEventListener("change", () => { if (chooser.files.length) { read(chooser.files[0]); chooser.value = ""; } });
  document.addEventListener("dragover", (event) => {
    if (event.dataTransfer.types.includes("Files")) { event.preventDefault(); form.classList.add("dropping"); }
  });
  document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) { form.classList.remove("dropping"); } });
  document.addEventListener("drop", (event) => {
    form.classList.remove("dropping");
    const [file] = event.dataTransfer.files;
    if (file) { event.preventDefault(); read(file); }
  });
  if (field("prompt").value) { check(); }
})();
