// What makes pages better where scripts run: the next step in a form's own answer, a countdown before *send again*, and a
// way to see a typed password.
"use strict";

for (const form of document.querySelectorAll("form[data-direct]")) {
  const direct = document.createElement("input");
  Object.assign(direct, { type: "hidden", name: "direct", value: "1" });
  form.append(direct);
}

// The answer to a form is the page of the next step. Under its own address, a reload or a way back sends nothing again.
const address = document.body.dataset.address;
if (address) history.replaceState(null, "", address);

for (const button of document.querySelectorAll("button[data-wait]")) {
  let seconds = Number(button.dataset.wait);
  const text = button.textContent;
  const show = () => {
    button.disabled = seconds > 0;
    button.textContent = seconds > 0 ? button.dataset.waiting.replace("{seconds}", seconds) : text;
    if (seconds-- > 0) setTimeout(show, 1000);
  };
  show();
}

// What is confirmed in a call or on a phone: the page asks now and then whether there is something to do, and goes on.
for (const form of document.querySelectorAll("form[data-waits]")) {
  form.querySelector("[data-scripted]").hidden = false;
  const ask = async () => {
    try {
      const answer = await fetch(form.dataset.waits);
      if (answer.redirected || (answer.ok && !(await answer.json()).waits)) return form.submit();
    } catch { /* the network was away for a moment */ }
    setTimeout(ask, 2000);
  };
  setTimeout(ask, 2000);
}

// What is on its way to a directory: each stage as it is reached, and on once it is over.
for (const place of document.querySelectorAll("[data-progress]")) {
  let pause = 60;
  const ask = async () => {
    try {
      const answer = await fetch(place.dataset.progress);
      const said = answer.ok && !answer.redirected ? await answer.json() : {};
      if (!said.waits) return location.replace(place.dataset.onward);
      if (said.stages.trim() !== place.dataset.shown) place.innerHTML = place.dataset.shown = said.stages.trim();
    } catch { /* the network was away for a moment */ }
    pause = Math.min(pause * 1.5, 1000);
    setTimeout(ask, pause);
  };
  setTimeout(ask, pause);
}

for (const code of document.querySelectorAll("input.code")) {
  code.addEventListener("paste", (event) => {
    const digits = event.clipboardData.getData("text").replace(/\D/g, "");
    if (digits.length === 6) {
      event.preventDefault();
      code.value = digits;
    }
  });
}

const readers = { create: "parseCreationOptionsFromJSON", get: "parseRequestOptionsFromJSON" };
for (const form of document.querySelectorAll("form[data-passkey]")) {
  const ask = form.dataset.passkey;
  form.querySelector("[data-scripted]").hidden = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      const publicKey = PublicKeyCredential[readers[ask]](JSON.parse(form.dataset.options));
      const answer = await navigator.credentials[ask]({ publicKey });
      form.elements.code.value = JSON.stringify(answer.toJSON());
      form.submit();
    } catch {
      form.querySelector("[data-failed]").hidden = false;
    }
  });
}

for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => print());
}

const passwords = [...document.querySelectorAll("input[type=password]")];
const label = document.body.dataset.showPassword;
if (passwords.length && label) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "link reveal";
  button.textContent = label;
  button.setAttribute("aria-pressed", "false");
  button.addEventListener("click", () => {
    const shown = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(shown));
    button.textContent = shown ? document.body.dataset.hidePassword : label;
    for (const field of passwords) field.type = shown ? "text" : "password";
  });
  passwords[passwords.length - 1].after(button);
  passwords[0].form.addEventListener("submit", () => passwords.forEach((field) => { field.type = "password"; }));
}

if (!document.querySelector("[autofocus]")) document.querySelector("[aria-invalid=true], .summary")?.focus();
