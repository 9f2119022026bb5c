// The phone's web app: registers this phone with a code, shows who asks, and takes the number that the page shows.
import { call } from "./calls.js";
import * as keys from "./keys.js";
import * as push from "./push.js";

const POLL = 3000;
const root = document.getElementById("authenticator");
const texts = root.dataset;
const part = (id) => document.getElementById(id);
const shown = new Map(); // what is asked, by challenge
let records = [];
let isLost = false; // the server has forgotten where to wake this phone: the push service called that gone

function say(text, tone = "") {
  const note = document.createElement("p");
  note.textContent = text;
  part("said").className = text ? `note ${tone}` : "";
  part("said").replaceChildren(...(text ? [note] : []));
}

function complain(line, text) {
  line.textContent = text;
  line.hidden = !text;
}

const fault = (error) => texts[error] || texts.over;

// Digits as they are typed in Arabic and Persian mean the same.
const digits = (text) => text.trim().replace(/[٠-٩۰-۹]/g, (digit) => digit.charCodeAt(0) & 15);

// --- this phone's accounts ------------------------------------------------------------------------------------------

async function load() {
  records = await keys.all();
  const registered = records.filter((record) => record.phone);
  const waiting = records.find((record) => record.number);
  part("held").hidden = !registered.length;
  part("held").querySelector("[data-list]").replaceChildren(...registered.map(account));
  part("number").hidden = !waiting;
  if (waiting) part("number").querySelector("[data-number]").textContent = waiting.number;
  part("wake").hidden = !registered.length || push.isDecided();
  part("add").hidden = Boolean(waiting) || mustInstall();
  if (!registered.length) part("add").open = true;
  part("install").hidden = !mustInstall() || Boolean(registered.length);
}

function account(record) {
  const item = part("account").content.cloneNode(true).firstElementChild;
  fill(item, record);
  item.querySelector("[data-gone]").hidden = item.querySelector("[data-forget]").hidden = !record.gone;
  item.querySelector("[data-forget]").addEventListener("click", async () => {
    await keys.forget(record);
    await load();
  });
  return item;
}

function fill(element, facts) {
  for (const field of element.querySelectorAll("[data-fact]")) field.textContent = facts[field.dataset.fact];
}

// An iPhone's app on the Home Screen has a memory of its own: a key made in Safari would not be there.
function mustInstall() {
  const isApple = /iPhone|iPad|iPod/.test(navigator.userAgent) ||
    (navigator.platform === "MacIntel" && navigator.maxTouchPoints > 1);
  return isApple && !navigator.standalone && !matchMedia("(display-mode: standalone)").matches;
}

// --- registering ----------------------------------------------------------------------------------------------------

part("enrol").addEventListener("submit", async (event) => {
  event.preventDefault();
  const code = part("code").value;
  complain(part("code_error"), "");
  if (!code.trim()) return complain(part("code_error"), texts.badCode);
  await navigator.storage?.persist?.(); // so that the browser doesn't clear the key away
  const made = await keys.make();
  const answer = await call("enrol", made, { code, key: made.key });
  if (answer.error) return complain(part("code_error"), answer.error === "refused" ? texts.badCode : fault(answer.error));
  part("code").value = "";
  await keys.keep({ ...made, enrolment: answer.enrolment, number: answer.number });
  await load();
  say("");
});

async function lookWhetherRegistered(record) {
  const answer = await call("enrolled", record, { enrolment: record.enrolment, key: record.key });
  if (answer.state === "registered") {
    const { number, ...kept } = record;
    const { phone, organisation, name } = answer;
    await keys.keep({ ...kept, phone, organisation, name });
    part("add").open = false;
    say(texts.registered, "good");
    await load();
    if (push.isGranted()) push.subscribe(records); // some browsers take their time over it
  } else if (answer.error === "refused") {
    await keys.forget(record);
    say(texts.notRegistered, "bad");
    await load();
  }
}

// --- answering ------------------------------------------------------------------------------------------------------

async function lookWhoAsks(record) {
  const answer = await call("pending", record, { phone: record.phone });
  if (answer.error === "offline") say(texts.offline, "bad");
  else if (part("said").textContent === texts.offline) say("");
  if (answer.awake === false && record.endpoint) isLost = true;
  const isGone = answer.error === "refused";
  if (isGone !== Boolean(record.gone)) {
    await keys.keep({ ...record, gone: isGone });
    say("");
    await load();
  }
  return (answer.prompts || []).map((prompt) => ({ ...prompt, record }));
}

function show(prompt) {
  const card = part("prompt").content.cloneNode(true).firstElementChild;
  for (const title of card.querySelectorAll("[data-what]")) title.hidden = title.dataset.what !== prompt.what;
  const at = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle: "medium" });
  fill(card, { ...prompt, at: at.format(new Date(prompt.at)) });
  const [form, field, line] = ["form", "input", ".error"].map((what) => card.querySelector(what));
  field.id = `number-${prompt.challenge}`;
  line.id = `error-${prompt.challenge}`;
  field.setAttribute("aria-describedby", line.id);
  card.querySelector("label").htmlFor = field.id;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const number = digits(field.value);
    if (!/^[0-9]{2}$/.test(number)) return complain(line, texts.twoDigits);
    complain(line, "");
    await answerWith(prompt, { decision: "approve", number }, line, field);
  });
  card.querySelector("[data-refuse]").addEventListener("click", () =>
    answerWith(prompt, { decision: "refuse" }, line, field));
  shown.set(prompt.challenge, card);
  part("prompts").append(card);
  say("");
}

async function answerWith(prompt, decision, line, field) {
  const content = { phone: prompt.record.phone, challenge: prompt.challenge, ...decision };
  const answer = await call("answer", prompt.record, content);
  if (answer.error && answer.error !== "refused") return complain(line, fault(answer.error));
  if (answer.result === "wrong") {
    field.value = "";
    field.focus();
    return complain(line, texts.wrong);
  }
  remove(prompt.challenge);
  say(texts[answer.result] || texts.over, { right: "good", refused: "good" }[answer.result] || "bad");
}

function remove(challenge) {
  shown.get(challenge)?.remove();
  shown.delete(challenge);
}

// What was asked and isn't any more goes; what is typed into the others stays.
// An account that the server doesn't know any more is asked about once, when the app is opened, and not again and again.
async function look(isFirst = false) {
  for (const record of records.filter((one) => one.number)) await lookWhetherRegistered(record);
  const registered = records.filter((one) => one.phone && (isFirst || !one.gone));
  const asked = (await Promise.all(registered.map(lookWhoAsks))).flat();
  const open = new Set(asked.map((prompt) => prompt.challenge));
  for (const challenge of shown.keys()) if (!open.has(challenge)) remove(challenge);
  for (const prompt of asked) if (!shown.has(prompt.challenge)) show(prompt);
  part("quiet").hidden = !registered.length || shown.size > 0;
}

// --- beginning ------------------------------------------------------------------------------------------------------

part("wake").addEventListener("click", async () => {
  const isAwake = await push.subscribe(records);
  say(isAwake ? texts.awake : texts.asleep, isAwake ? "good" : "wait");
  await load();
});

addEventListener("beforeinstallprompt", (event) => {
  event.preventDefault();
  part("install_now").hidden = false;
  part("install_now").onclick = () => event.prompt();
});

let looking = null;
const lookOnce = (isFirst) => (looking ??= look(isFirst === true).finally(() => { looking = null; }));

async function keepLooking(isFirst) {
  if (!document.hidden) await lookOnce(isFirst);
  setTimeout(keepLooking, POLL);
}

if (!isSecureContext) {
  part("insecure").hidden = false;
} else {
  await push.register(lookOnce);
  await load();
  document.addEventListener("visibilitychange", () => { if (!document.hidden) lookOnce(); });
  await keepLooking(true);
  if (push.isGranted() && records.some((one) => one.phone)) push.subscribe(records, isLost);
}
